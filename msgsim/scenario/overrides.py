"""Overrides: one value put at a path of the tree, by `--set PATH=VALUE` or by a variant.

A path starts with a section (`workload[0].rate`) or the name of a resource
(`Billing.VisibilityTimeout`, short for `resources.Billing.VisibilityTimeout`). A key that is there
already may be spelled in PascalCase, camelCase or snake_case; a new key is taken as written, and
the schema judges it. `null` removes. The tree given is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Sequential
from dataclasses import replace

from msgsim.problems import Place, ProblemError, Problems, did_you_mean, plain_spelling, quote
from msgsim.scenario.compose import MAX_DEPTH, compose
from msgsim.scenario.tree import SECTIONS, Mapping, Node, Scalar, Sequence

SET_FILE = "--set"
"""The file name in the places of what came from the command line; its lines are the arguments."""

Path = tuple[str | int, ...]

_SEGMENT = re.compile(r'(?:(?<=.)\.|^)(?:"([^"]+)"|([^.\[\]"=\s]+))|\[([0-9]{1,9})\]')
_EXAMPLE = "for example `Billing.VisibilityTimeout=60` or `workload[0].rate=80/s`"


def parse_path(text: str, place: Place | None = None) -> Path:
    """`workload[0].rate` as `("workload", 0, "rate")`; a key that has a dot goes in `"…"`.

    `place` is where the user wrote it. Raises `ProblemError` (E121).
    """
    path: list[str | int] = []
    end = 0
    while end < len(text) and (found := _SEGMENT.match(text, end)):
        quoted, bare, index = found.groups()
        path.append(int(index) if index is not None else quoted or bare)
        end = found.end()
    if end < len(text) or not path or isinstance(path[0], int) or len(path) > MAX_DEPTH:
        raise _error("E121", f"{quote(text)} is not a path", place, _EXAMPLE)
    return tuple(path)


def apply_override(root: Mapping, assignment: str, *, line: int = 1) -> Mapping:
    """A new tree with one `PATH=VALUE`, the value as YAML; `line` is its line in `SET_FILE`.

    Raises `ProblemError`: E121 if it is not written so, E120 if the path leads nowhere, and what is
    wrong with the value as YAML.
    """
    path, equals, text = assignment.partition("=")
    place = Place(SET_FILE, line, 1, max(1, len(path)))
    problems = Problems()
    if not equals:
        problems.add("E121", f"{quote(assignment)} is not PATH=VALUE", place, _EXAMPLE)
    value = compose(text, SET_FILE, problems, line=line, column=len(path) + 2)
    try:
        problems.raise_if_errors()
        empty = Scalar("", place, null=True)
        found = value if value is not None else empty  # an empty list is a value
        return apply_override_node(root, path, found, place)
    except ProblemError as error:
        raise ProblemError(error.problems, {SET_FILE: "\n" * (line - 1) + assignment}) from None


def apply_override_node(
    root: Mapping, path: str, value: Node, place: Place | None = None
) -> Mapping:
    """A new tree in which `path` has `value`; a written-out null removes what is there.

    `place` is where the user wrote the path, if that is not beside the value.
    Raises `ProblemError`.
    """
    place = place or value.place
    steps = parse_path(path, place)
    if isinstance(value, Scalar) and value.missing:
        raise _error("E121", f"{quote(path)} has no value", place, "`null` removes a key")
    return _Edit(path, value, place).apply(root, steps)


def apply_sets(root: Mapping, assignments: Sequential[str]) -> Mapping:
    """A new tree with every `PATH=VALUE` of the command line, in order.

    Raises one `ProblemError` with the problems of all of them.
    """
    problems = Problems()
    line = 1
    for assignment in assignments:
        try:
            root = apply_override(root, assignment, line=line)
        except ProblemError as error:
            problems.extend(error.problems)
        line += 1 + assignment.count("\n")
    problems.raise_if_errors({SET_FILE: set_source(assignments)})
    return root


def set_source(assignments: Sequential[str]) -> str:
    """The text behind places in `SET_FILE`, for whoever renders a problem found later."""
    return "\n".join(assignments)


class _Edit:
    """One override on its way down the tree; each step returns a changed copy of its node."""

    def __init__(self, path: str, value: Node, place: Place) -> None:
        self._path = path
        self._value = value
        self._place = place
        self._removes = isinstance(value, Scalar) and value.null

    def apply(self, root: Mapping, path: Path) -> Mapping:
        name = str(path[0])
        section = _spelled_like(name, SECTIONS)
        resources = root.get("resources")
        resources = resources if isinstance(resources, Mapping) else None
        found = _spelled_like(name, resources.names()) if resources else None
        if section is None and found is None:
            names = [*(resources.names() if resources else ()), *SECTIONS]
            raise self._nowhere(f"there is no resource or section {quote(name)}", name, names)
        exact = name in SECTIONS or name not in (resources or ())
        steps = (section, *path[1:]) if section and exact else ("resources", found or "", *path[1:])
        return self._in_mapping(root, steps, "")

    def _step(self, node: Node | None, path: Path, where: str) -> Node:
        if not path:
            return self._value
        if node is None or (isinstance(node, Scalar) and node.null):
            node = Mapping((), self._place)
        if isinstance(node, Sequence):
            return self._in_sequence(node, path, where)
        if isinstance(node, Mapping):
            return self._in_mapping(node, path, where)
        raise self._nowhere(f"{where} is one value, {quote(node.text)}; it has nothing inside")

    def _in_mapping(self, node: Mapping, path: Path, where: str) -> Mapping:
        if isinstance(path[0], int):
            raise self._nowhere(f"{where} is not a list, so it has no entry [{path[0]}]")
        name = _spelled_like(path[0], node.names())
        last = len(path) == 1
        if name is None and (self._removes or (where == "resources" and not last)):
            what = "resource" if where == "resources" else "key"
            inside = f" in {where}" if where else ""
            raise self._nowhere(
                f"there is no {what} {quote(path[0])}{inside}", path[0], node.names()
            )
        if name is None:
            value = self._step(None, path[1:], _join(where, path[0]))
            key = Scalar(path[0], self._place)
            return Mapping((*node.entries, (key, value)), node.place)
        if last and self._removes:
            kept = tuple(entry for entry in node if entry[0].text != name)
            return Mapping(kept, node.place)
        changed = self._step(node[name], path[1:], _join(where, name))
        entries = ((key, changed if key.text == name else value) for key, value in node)
        return Mapping(tuple(entries), node.place)

    def _in_sequence(self, node: Sequence, path: Path, where: str) -> Sequence:
        step = path[0]
        if isinstance(step, str) and not re.fullmatch("[0-9]{1,9}", step):
            raise self._nowhere(f"{where} is a list: say which entry, such as {where}[0]")
        index, items = int(step), list(node)
        if index >= len(items):
            has = f"entries 0 to {len(items) - 1}" if len(items) > 1 else "only entry 0"
            has = has if items else "no entries"
            raise self._nowhere(f"{where} has {has}: there is no entry {index}")
        if len(path) == 1 and self._removes:
            del items[index]
        else:
            items[index] = self._step(items[index], path[1:], f"{where}[{index}]")
        return Sequence(tuple(items), node.place)

    def _nowhere(
        self, message: str, word: str | None = None, names: Sequential[str] = ()
    ) -> ProblemError:
        meant = did_you_mean(word, names) if word is not None else None
        hint = f"did you mean {meant}?" if meant else None
        return _error("E120", f"{quote(self._path)}: {message}", self._place, hint)


def respelt(node: Mapping, names: Sequential[str]) -> Mapping:
    """The same with keys that came from the command line spelt as one of `names`.

    A file has one spelling; `--set` also takes `visibilityTimeout` and `visibility_timeout`.
    """
    if all(key.place.file != SET_FILE for key, _ in node):
        return node
    known = {plain_spelling(name): name for name in names}
    entries = []
    for key, value in node:
        meant = known.get(plain_spelling(key.text), key.text)
        if key.place.file == SET_FILE and meant != key.text:
            key = replace(key, text=meant)
        entries.append((key, value))
    return Mapping(tuple(entries), node.place)


def value_of(text: str) -> Node:
    """A value as the command line gives it, in YAML. Raises `ProblemError` if it is none."""
    problems = Problems()
    node = compose(text, SET_FILE, problems)
    problems.raise_if_errors({SET_FILE: text})
    return node or Scalar("", Place(SET_FILE, 1, 1, 1), null=True)


def value_at(root: Mapping, path: str) -> Node | None:
    """The node that an override of this path would replace, or None. Raises `ProblemError`."""
    steps = parse_path(path)
    node: Node | None = root
    if str(steps[0]) not in SECTIONS:
        node = root.get("resources")
    for step in steps:
        if isinstance(node, Mapping):
            name = _spelled_like(str(step), node.names())
            node = node.get(name) if name is not None else None
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
            node = node.items[step]
        else:
            return None
    return node


def plain_path(text: str) -> str:
    """A path without the differences in case and underscores that overrides do not mind."""
    return ".".join(plain_spelling(part) for part in text.split("."))


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _spelled_like(name: str, names: Sequential[str]) -> str | None:
    """`name` itself, or the one among `names` that differs only in case and underscores."""
    if name in names:
        return name
    alike = [other for other in names if plain_spelling(other) == plain_spelling(name)]
    return alike[0] if len(alike) == 1 else None


def _error(code: str, message: str, place: Place | None, hint: str | None) -> ProblemError:
    problems = Problems()
    problems.add(code, message, place, hint)
    return ProblemError(problems)

"""Reading the sections of a tree: the shape of the data, every problem with its place."""

from __future__ import annotations

import re
from typing import Any

from msgsim.model.service import Service
from msgsim.problems import Problems, did_you_mean, quote, register
from msgsim.scenario.actions import kind_of
from msgsim.scenario.assumed import read_assumptions
from msgsim.scenario.lesson import check_lesson
from msgsim.scenario.overrides import respelt
from msgsim.scenario.plain import validate
from msgsim.scenario.schema import (
    FORMAT_VERSION,
    Header,
    Part,
    Rule,
    RuleSpec,
    section_of,
)
from msgsim.scenario.tree import SECTIONS, Mapping, Node, Scalar, Sequence
from msgsim.services import discover

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")

for _code, _title in {
    "E101": "unknown section",
    "E102": "unknown resource type",
    "E103": "unknown property",
    "E104": "a required property is missing",
    "E105": "wrong shape: a mapping, a list or a value was expected",
    "E106": "a key with nothing behind it",
    "E107": "a name that cannot be used",
    "E108": "a format version this msgsim does not read",
    "E109": "a number out of range",
    "E131": "a boolean that is neither true nor false",
    "E201": "AWS refuses the value: outside the documented range",
}.items():
    register(_code, _title)


_NAMED = "a mapping: lines such as `Billing: {type: sqs.queue}`"
_LISTED = "a list: each entry begins with `- `"
_RULES = "a list of rules: lines such as `- Billing.lost == 0`"
_VARIANTS = "a mapping: lines such as `fifo: {Billing.FifoQueue: true}`"
_ASSUMED = "a mapping: lines such as `sqs.queue: {hosts: 4}`"
_PATHS = "a mapping: paths with values, such as `{Billing.FifoQueue: true}`"


class Shape:
    """Reads the sections of a tree; problems are collected, not raised."""

    def __init__(self, root: Mapping, problems: Problems) -> None:
        self.root = root
        self.problems = problems
        self.services = discover()

    def sections(self) -> None:
        """Report keys of the top level that are no sections."""
        for key, value in self.root:
            if key.text in SECTIONS:
                continue
            looks_like = isinstance(value, Mapping) and "type" in value
            guess = did_you_mean(key.text, SECTIONS)
            hint = f"did you mean {guess}?" if guess else f"sections: {', '.join(SECTIONS)}"
            if looks_like:
                hint = "it looks like a resource (it has `type`): indent it under `resources:`"
            message = f"{quote(key.text)} is not a top-level section"
            self.problems.add("E101", message, key.place, hint)

    def has_resources(self) -> bool:
        """Say whether resources can be named at all; a list of them cannot."""
        node = self.root.get("resources")
        return isinstance(node, Mapping | None) or (isinstance(node, Scalar) and node.null)

    def declared(self) -> set[str]:
        """Return every name under `resources`, readable or not."""
        node = self.root.get("resources")
        return set(node.names()) if isinstance(node, Mapping) else set()

    def header(self) -> Header | None:
        """Read the scalar sections."""
        names = set(Header.model_fields)
        own = Mapping(
            tuple(entry for entry in self.root if entry[0].text in names), self.root.place
        )
        header = validate(Header, own, "the scenario", self.problems)
        if header is None:
            return None
        self._check_header(header)
        return header

    def _check_header(self, header: Header) -> None:
        def complain(code: str, section: str, message: str, hint: str) -> None:
            node = self.root.get(section)
            self.problems.add(code, message, node.place if node else self.root.place, hint)

        if header.msgsim != FORMAT_VERSION:
            message = f"format version {header.msgsim}; this msgsim reads {FORMAT_VERSION}"
            complain("E108", "msgsim", message, f"write msgsim: {FORMAT_VERSION}")
        if header.duration <= 0:
            complain("E109", "duration", "the duration must be above 0", "such as 10m")
        if header.warm_up >= header.duration > 0:
            message = "the warm-up takes the whole duration"
            complain("E109", "warm_up", message, "make it shorter than duration")
        if header.seed < 0:
            complain("E109", "seed", f"a seed is not negative: {header.seed}", "such as 42")
        if header.lesson is not None:
            check_lesson(header.lesson, self.root, self.problems)

    def resources(self) -> list[Part]:
        """Read the resources, inline ones included."""
        node = self.root.get("resources")
        if node is None or not self._is(node, Mapping, "resources", _NAMED):
            return []
        parts: list[Part] = []
        assert isinstance(node, Mapping)
        for key, value in node:
            self._check_name(key)
            part = self._resource(key, value)
            if part is not None:
                parts.append(part)
                parts.extend(self._inline(part))
        return parts

    def _resource(self, key: Scalar, value: Node) -> Part | None:
        if not isinstance(value, Mapping):
            bare = isinstance(value, Scalar) and value.null
            code, place = ("E106", key.place) if bare else ("E105", value.place)
            message = f"{quote(key.text)} needs a type and its properties"
            self.problems.add(code, message, place, f"such as {key.text}: {{type: sqs.queue}}")
            return None
        kind_node = value.get("type")
        kind = kind_node.text if isinstance(kind_node, Scalar) else ""
        service = self._service(key, kind_node, kind)
        if service is None:
            return None
        value = respelt(value, list(service.spec.model_fields))
        spec = validate(service.spec, value, kind, self.problems, drop="type", place=key.place)
        return Part(key.text, kind, spec, value, key.place) if spec is not None else None

    def _service(self, key: Scalar, kind_node: Node | None, kind: str) -> Service | None:
        kinds = [name for name in self.services if section_of(name) == "resources"]
        if kind in kinds:
            return self.services[kind]
        if kind_node is None:
            message, place = f"{quote(key.text)} has no type", key.place
        elif not isinstance(kind_node, Scalar):
            message, place = f"the type of {quote(key.text)} is one word", kind_node.place
        else:
            message, place = f"unknown type {quote(kind)}", kind_node.place
        guess = did_you_mean(kind, kinds) if kind else None
        hint = f"did you mean {guess}?" if guess else f"types: {', '.join(kinds)}"
        self.problems.add("E102", message, place, hint)
        return None

    def _inline(self, part: Part) -> list[Part]:
        inline = self.services[part.kind].parts(part.name, part.spec)
        nodes = _entries(part.node, len(inline))
        found = []
        for (name, (kind, properties)), node in zip(inline.items(), nodes, strict=True):
            spec = self.services[kind].spec.model_validate(properties)
            place = part.place if node is part.node else node.place
            found.append(Part(name, kind, spec, node, place))
        return found

    def listed(self, section: str, of_kind: str | None) -> list[Part]:
        """Read a list section (`workload`, `faults`, `actions`) whose entries may carry a name.

        Args:
            section: its name.
            of_kind: the kind of all its entries; None where the verb of each decides.
        """
        node = self.root.get(section)
        if node is None or not self._is(node, Sequence, section, _LISTED):
            return []
        parts = []
        assert isinstance(node, Sequence)
        for index, item in enumerate(node):
            kind = of_kind or kind_of(item, self.services, self.problems)
            if kind is None:
                continue
            spec = validate(self.services[kind].spec, item, f"{section}[{index}]", self.problems)
            if spec is not None:
                given = getattr(spec, "name", None)
                if given is not None and isinstance(item, Mapping):
                    found = item.get("name")
                    if isinstance(found, Scalar):
                        self._check_name(found)
                name = str(given or f"{section}-{index + 1}")
                parts.append(Part(name, kind, spec, item, item.place))
        return parts

    def rules(self) -> tuple[Rule, ...]:
        """Read `expect`."""
        node = self.root.get("expect")
        if node is None or not self._is(node, Sequence, "expect", _RULES):
            return ()
        assert isinstance(node, Sequence)
        rules = [self._rule(item) for item in node]
        return tuple(rule for rule in rules if rule is not None)

    def _rule(self, item: Node) -> Rule | None:
        if isinstance(item, Scalar) and not item.null:
            return Rule(item.text, False, "", item.place)
        read = validate(RuleSpec, item, "an expectation", self.problems)
        if read is None or not isinstance(item, Mapping):
            return None
        if read.level not in {"fail", "warn"}:
            message = f"the level of an expectation is fail or warn, not {quote(read.level)}"
            self.problems.add("E105", message, item["level"].place, "warn never fails a run")
        place = item["that"].place
        return Rule(read.that, read.level == "warn", read.because, place)

    def variants(self) -> dict[str, tuple[tuple[Scalar, Node], ...]]:
        """Read `variants`: name → paths to values."""
        node = self.root.get("variants")
        if node is None or not self._is(node, Mapping, "variants", _VARIANTS):
            return {}
        found: dict[str, tuple[tuple[Scalar, Node], ...]] = {}
        assert isinstance(node, Mapping)
        taken = self.declared()
        for key, value in node:
            self._check_name(key)
            if key.text in taken:
                message = f"a variant and a resource are both called {quote(key.text)}"
                hint = "rules name either by it: choose another name"
                self.problems.add("E107", message, key.place, hint)
            if isinstance(value, Scalar) and value.null:
                found[key.text] = ()
            elif self._is(value, Mapping, f"variant {key.text}", _PATHS):
                assert isinstance(value, Mapping)
                found[key.text] = tuple(value)
        return found

    def assumptions(self) -> dict[str, dict[str, Any]]:
        """Read `assumptions`: kind → name → value; both must exist on a page."""
        node = self.root.get("assumptions")
        if node is None or not self._is(node, Mapping, "assumptions", _ASSUMED):
            return {}
        assert isinstance(node, Mapping)
        return read_assumptions(node, self.services, self.problems)

    def _is(self, node: Node, wanted: type, what: str, words: str) -> bool:
        if isinstance(node, wanted):
            return True
        if isinstance(node, Scalar) and node.null:
            if node.missing:
                place = self.root.key(what).place if what in self.root else node.place
                message = f"{quote(what + ':')} has nothing behind it"
                self.problems.add("E106", message, place, f"write {words}, or remove it")
            return False
        shape = "a mapping" if isinstance(node, Mapping) else "a list"
        shape = "one value" if isinstance(node, Scalar) else shape
        self.problems.add("E105", f"{what} is {words}, but this is {shape}", node.place)
        return False

    def _check_name(self, key: Scalar) -> None:
        if not NAME.fullmatch(key.text):
            message = f"{quote(key.text)} cannot be a name"
            hint = "a letter, then letters, digits, - or _; at most 128 characters"
            self.problems.add("E107", message, key.place, hint)


def _entries(node: Node, count: int) -> list[Node]:
    """The entries of the list in which inline resources stand, else the whole for each."""
    values = [value for _, value in node] if isinstance(node, Mapping) else []
    for value in values:
        if isinstance(value, Sequence) and len(value) == count:
            return list(value)
    return [node] * count

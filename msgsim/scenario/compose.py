"""Text to positioned tree, from PyYAML's parse events, without recursion and within a budget.

PyYAML's own composer recurses and expands first; here nesting, nodes and aliases are counted while
the events arrive, so a bomb is refused after its first 20,000 nodes and nothing is ever expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from msgsim.problems import LINE_BREAK, Place, Problems, did_you_mean, quote
from msgsim.scenario.scanner import MAX_VALUE, Loader, TooLongError
from msgsim.scenario.syntax import TEMPLATING, explain
from msgsim.scenario.tree import Mapping, Node, Scalar, Sequence

MAX_NODES = 20_000
MAX_DEPTH = 50

_NULLS = {"", "~", "null", "Null", "NULL"}
_CORE = "tag:yaml.org,2002:"
_SCALAR_TAGS = {_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp")}
_TAGS: dict[type[Event], set[str]] = {
    ScalarEvent: _SCALAR_TAGS,
    MappingStartEvent: {_CORE + "map"},
    yaml.SequenceStartEvent: {_CORE + "seq"},
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def compose(
    text: str, file: str, problems: Problems, *, line: int = 1, column: int = 1
) -> Node | None:
    """The tree of the one YAML document in `text`, or `None` if there is none to be had.

    What is wrong is added to `problems`. `line` and `column` say where in `file` the text begins.
    """
    return _Composer(text, file, problems, line, column).compose()


class _StoppedError(Exception):
    """Reading further makes no sense; the reason is among the problems."""


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet. `size` and `height` count aliases expanded."""

    event: CollectionStartEvent
    children: list[Node] = field(default_factory=list)
    keys: dict[str, Scalar] = field(default_factory=dict)
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    size: int
    height: int


class _Composer:
    def __init__(self, text: str, file: str, problems: Problems, line: int, column: int) -> None:
        self._text = text
        self._file = file
        self._problems = problems
        self._first = (line, column)
        self._lines = LINE_BREAK.split(text)
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0
        self._documents = 0
        self._root: Node | None = None

    def compose(self) -> Node | None:
        if Loader.NON_PRINTABLE.search(self._text):
            self._report_control_characters()
            return None
        loader = Loader(self._text)
        try:
            for event in iter(loader.get_event, None):
                self._take(event)
        except _StoppedError:
            return None
        except TooLongError:
            message = f"this value is longer than {MAX_VALUE >> 20} MiB, the largest message"
            self._problems.add("E112", message, self._at(*loader.token_place, 1))
            return None
        except yaml.MarkedYAMLError as error:
            code, message, hint, line, column = explain(error, self._lines)
            self._problems.add(code, message, self._at(line, column, 1), hint)
            return None
        except (ValueError, OverflowError):
            # PyYAML lets Python's own error escape for "\UFFFFFFFF" and absurd %YAML versions.
            place = self._at(loader.line, max(0, loader.column - 1), 1)
            self._problems.add("E113", "this is not a character or number YAML knows", place)
            return None
        finally:
            loader.dispose()
        return self._root

    def _report_control_characters(self) -> None:
        for row, line in enumerate(self._lines):
            if found := Loader.NON_PRINTABLE.search(line):
                self._problems.add(
                    "E111",
                    f"a control character (U+{ord(found.group()):04X}) in the text",
                    self._at(row, found.start(), 1),
                    "remove it, or save the file again as UTF-8 text",
                )

    def _take(self, event: Event) -> None:
        if isinstance(event, DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, AliasEvent):
            self._alias(event)
        elif isinstance(event, ScalarEvent):
            self._spend(1, event)
            self._check_tag(event)
            self._close(self._scalar(event), 1, 1, event.anchor)
        elif isinstance(event, CollectionStartEvent):
            self._spend(1, event)
            self._check_tag(event)
            self._check_depth(1, event)
            self._open.append(_Open(event))
            if event.anchor:
                self._anchors[event.anchor] = None
        elif isinstance(event, CollectionEndEvent):
            done = self._open.pop()
            place = self._place(done.event, event)
            self._close(self._collection(done, place), done.size, done.height, done.event.anchor)

    def _start_document(self, event: Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._problems.add(
                "E119",
                "a second YAML document begins here; a scenario is one document",
                self._place(event),
                "remove the `---`, or put what follows into a file of its own",
            )
            raise _StoppedError

    def _close(self, node: Node, size: int, height: int, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = _Anchored(node, size, height)
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.children.append(node)
        parent.size += size
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.event, MappingStartEvent) and len(parent.children) % 2:
            self._check_key(node, parent.keys)

    # --- budgets ----------------------------------------------------------------------------------

    def _spend(self, nodes: int, event: Event) -> None:
        self._count += nodes
        if self._count > MAX_NODES:
            self._refuse(
                f"more than {MAX_NODES:,} keys, values and lists, each alias counted as what it "
                "repeats",
                event,
                "recorded traffic belongs in a CSV or JSON-lines file that the workload replays",
            )

    def _check_depth(self, height: int, event: Event) -> None:
        if len(self._open) + height > MAX_DEPTH:
            self._refuse(f"nested more than {MAX_DEPTH} levels deep", event, None)

    def _refuse(self, message: str, event: Event, hint: str | None) -> None:
        place = self._place(event)
        self._problems.add("E116", message, place, hint)
        raise _StoppedError

    def _alias(self, event: AliasEvent) -> None:
        name = event.anchor or ""
        if name not in self._anchors:
            place = self._place(event)
            meant = did_you_mean(name, self._anchors)
            hint = f"did you mean `*{meant}`?" if meant else "if it is text, put it in quotes"
            self._problems.add(
                "E113", f"{quote('*' + name)} repeats an anchor that is not above", place, hint
            )
            self._close(Scalar("", place), 1, 1, None)
            return
        target = self._anchors[name]
        if target is None:
            self._refuse(f"{quote('*' + name)} repeats a block that contains it", event, None)
            return
        self._spend(target.size, event)
        self._check_depth(target.height, event)
        self._close(target.node, target.size, target.height, None)

    # --- nodes ------------------------------------------------------------------------------------

    def _scalar(self, event: ScalarEvent) -> Scalar:
        place = self._place(event)
        if _SURROGATE.search(event.value):
            self._problems.add("E113", "an escape here stands for half a character", place)
        tag = event.tag or ""
        plain = event.style is None and tag in {"", _CORE + "null"}
        quoted = event.style is not None or tag in {"!", _CORE + "str"}
        null = tag == _CORE + "null" or (plain and event.value in _NULLS)
        return Scalar(event.value, place, quoted, null)

    def _collection(self, done: _Open, place: Place) -> Mapping | Sequence:
        if isinstance(done.event, MappingStartEvent):
            return self._mapping(done.children, place)
        return Sequence(tuple(done.children), place)

    def _check_key(self, key: Node, others: dict[str, Scalar]) -> None:
        if not isinstance(key, Scalar):
            message = "a key must be one word, not a list or mapping"
            self._problems.add("E113", message, key.place, self._key_hint(key))
        elif key.missing:
            self._problems.add("E113", "there is no key before this `:`", key.place)
        elif key.text in others:
            self._duplicate(key, others[key.text])
        else:
            others[key.text] = key

    def _mapping(self, children: list[Node], place: Place) -> Mapping:
        pairs = zip(children[::2], children[1::2], strict=True)
        own = {key.text: (key, value) for key, value in pairs if isinstance(key, Scalar)}
        merged: dict[str, tuple[Scalar, Node]] = {}
        if "<<" in own and not own["<<"][0].quoted:
            merged = self._merged(own.pop("<<")[1])
        entries = (merged | own).values()
        kept = tuple(entry for entry in entries if not entry[0].text.startswith("x-"))
        return Mapping(kept, place)

    def _key_hint(self, key: Node) -> str | None:
        row = key.place.line - self._first[0]
        braces = isinstance(key, Mapping) and "{{" in self._lines[row]
        return TEMPLATING if braces else None

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        both = f"first in column {first.place.column}, again in column {key.place.column}"
        if first.place.line != key.place.line:
            both = f"first on line {first.place.line}, again on line {key.place.line}"
        message = f"{quote(key.text)} is given twice: {both}"
        self._problems.add("E115", message, key.place, "keep one of the two")

    def _merged(self, value: Node) -> dict[str, tuple[Scalar, Node]]:
        """What `<<` brings in: of several mappings, the first that has a key wins."""
        sources = list(value) if isinstance(value, Sequence) else [value]
        merged: dict[str, tuple[Scalar, Node]] = {}
        for source in sources:
            if not isinstance(source, Mapping):
                self._problems.add(
                    "E117",
                    "`<<` merges mappings; this is none",
                    value.place,
                    "write `<<: *anchor`, where `&anchor` marks a mapping",
                )
                continue
            for key, node in source:
                merged.setdefault(key.text, (key, node))
        return merged

    def _check_tag(self, event: NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag in (None, "!") or tag in _TAGS[type(event)]:
            return
        shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
        self._problems.add(
            "E118",
            f"unknown tag {quote(shown)}",
            self._place(event),
            _tag_hint(shown, getattr(event, "value", "")),
        )

    # --- places -----------------------------------------------------------------------------------

    def _place(self, first: Event, last: Event | None = None) -> Place:
        start, end = first.start_mark, (last or first).end_mark
        assert start is not None
        assert end is not None
        row = self._lines[start.line] if start.line < len(self._lines) else ""
        stop = end.column if end.line == start.line else len(row.rstrip())
        return self._at(start.line, start.column, max(1, stop - start.column))

    def _at(self, line: int, column: int, length: int) -> Place:
        first_line, first_column = self._first
        shift = first_column if line == 0 else 1
        return Place(self._file, first_line + line, shift + column, length)


def _tag_hint(tag: str, value: str) -> str:
    if tag in {"!Ref", "!GetAtt"} and value:
        return f"write the logical name itself: {quote(value.partition('.')[0])}"
    if tag.startswith("!!python"):
        return "a scenario is data and never runs code: write the plain value"
    return "write the plain value; tags are not used"

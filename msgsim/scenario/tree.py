"""The positioned tree: what the user wrote, with the place of every word, before it means anything.

Nodes are immutable, so anchors share them and an override copies only the path it changes. Scalars
stay text until a field decides what they are: `010`, `on` and `1:30` are not interpreted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgsim.problems import Place

SECTIONS = (
    "msgsim",
    "question",
    "seed",
    "duration",
    "warm_up",
    "replications",
    "account",
    "resources",
    "workload",
    "faults",
    "actions",
    "assumptions",
    "expect",
    "variants",
    "sweep",
    "lesson",
)
"""The sections of a scenario."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as written. `quoted` also covers `|` and `>` blocks and `!!str`."""

    text: str
    place: Place
    quoted: bool = False
    null: bool = False
    """True for a plain `null`, `~` or nothing at all, and for `!!null`."""

    @property
    def missing(self) -> bool:
        """True for `key:` with nothing behind it, unlike a written-out `null`."""
        return self.null and not self.text


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order written; merged (`<<`) entries first, `x-` entries dropped."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place
    _by_name: dict[str, tuple[Scalar, Node]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {key.text: (key, value) for key, value in self})

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[tuple[Scalar, Node]]:
        return iter(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name][1]

    def get(self, name: str) -> Node | None:
        """The value of key `name`, or `None` if there is no such key."""
        return self._by_name[name][1] if name in self._by_name else None

    def key(self, name: str) -> Scalar:
        """The key itself, for its place. Raises `KeyError` if there is no such key."""
        return self._by_name[name][0]

    def names(self) -> list[str]:
        """The texts of the keys, in order."""
        return [key.text for key, _ in self.entries]


Node = Scalar | Sequence | Mapping

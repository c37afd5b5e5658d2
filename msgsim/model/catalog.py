"""The catalogue: pages beside the code, whose front matter is the data the services run on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that AWS can change, or that is an assumption of ours.

    Attributes:
        name: its name on the page.
        value: the number (or text, or mapping) itself.
        unit: its unit; empty for a pure number.
        source: where it was read; for an assumption, why it was chosen.
        read_on: the date it was read (ISO).
        assumption: True when AWS publishes nothing.
        scope: per what it holds (account and Region, queue, shard …).
    """

    name: str
    value: Any
    unit: str
    source: str
    read_on: str
    assumption: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Limit:
    """The range AWS allows for a property, with its default.

    Attributes:
        name: the property.
        default: AWS's default, or None.
        low: smallest allowed value.
        high: largest allowed value.
        unit: unit of all three.
        error: the error code AWS answers with.
        source: where it was read.
    """

    name: str
    default: Any
    low: Any
    high: Any
    unit: str
    error: str
    source: str


class Page:
    """One page: YAML front matter (limits, quotas, prices, latencies, assumptions) and prose."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _parts(self) -> tuple[dict[str, Any], str]:
        text = self.path.read_text(encoding="utf-8")
        if not text.startswith("---\n"):
            return {}, text
        head, _, body = text[4:].partition("\n---\n")
        data = yaml.load(head, Loader=_Loader)  # noqa: S506 - a safe loader, C or Python
        return data or {}, body.lstrip("\n")

    @property
    def data(self) -> dict[str, Any]:
        """The front matter as plain values."""
        return self._parts[0]

    @property
    def text(self) -> str:
        """The prose, in Markdown."""
        return self._parts[1]

    @property
    def read_on(self) -> str:
        """The date on which the page's figures were read, unless an entry says otherwise."""
        return str(self.data.get("read_on", ""))

    def limit(self, name: str) -> Limit:
        """Return the allowed range of a property.

        Raises:
            KeyError: the page has no such entry.
        """
        entry = self.data["limits"][name]
        return Limit(
            name,
            entry.get("default"),
            entry.get("min"),
            entry.get("max"),
            str(entry.get("unit", "")),
            str(entry.get("error", "InvalidParameterValue")),
            self.source(entry["source"]),
        )

    def quota(self, name: str) -> Any:
        """Return the value of a quota of the page."""
        return self.data["quotas"][name]["value"]

    def billed(self, name: str) -> Any:
        """Return a number of the page's section `billing`: the size of a billed unit."""
        return self.data["billing"][name]["value"]

    def numbers(self) -> Iterator[Number]:
        """Yield every quota, latency, billing unit and assumption of the page."""
        for section in ("quotas", "latencies", "billing", "assumptions"):
            for name, entry in (self.data.get(section) or {}).items():
                yield self._number(name, entry, section == "assumptions")

    def assumptions(self) -> dict[str, Number]:
        """Return the labelled assumptions by name."""
        entries = self.data.get("assumptions") or {}
        return {name: self._number(name, entry, True) for name, entry in entries.items()}

    def source(self, key: str) -> str:
        """Return the full source behind a short key of the page's `sources`."""
        return str((self.data.get("sources") or {}).get(key, key))

    def _number(self, name: str, entry: dict[str, Any], assumption: bool) -> Number:
        return Number(
            name=name,
            value=entry["value"],
            unit=str(entry.get("unit", "")),
            source=self.source(str(entry["source"])),
            read_on=str(entry.get("read_on", self.read_on)),
            assumption=assumption or bool(entry.get("assumption", False)),
            scope=str(entry.get("scope", "")),
        )


@cache
def page_beside(code_file: str, name: str) -> Page:
    """Return the page `name` in the folder of a source file."""
    return Page(Path(code_file).parent / name)

"""How services say what they bill: prices read from their pages, and meters that count units.

A service declares a meter beside its code (`Service(meter=...)`). The meter listens to the facts of
one component and says, when asked, how many units of which price it has used; the cost observer
multiplies. Adding a service, or a fact that AWS bills, edits no list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.catalog import Page

HOME_REGION = "us-east-1"
"""The Region whose prices stand in where a page has none for the scenario's own."""

HOURS_PER_MONTH = 730
GB = 1_000_000_000
"""Bytes of a billed gigabyte: AWS's calculators reproduce only with decimal ones."""

GIB = 1_073_741_824
"""Bytes of a billed gigabyte where AWS's own examples count 1,048,576 KB: Kinesis and Firehose."""

_NS_PER_HOUR = 3_600_000_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What AWS charges for one sort of unit.

    Attributes:
        kind: the service's kind, e.g. `sqs.queue`.
        name: its name on the page.
        usd: US dollars for `per` units, of the first tier.
        per: how many units that is.
        unit: what is counted.
        region: the Region it holds in.
        source: where it was read; `read_on`: when.
        tiers: `(up to so many units a month, usd)` in order; the last one has no end.
        pool: prices with one pool share its free units; empty without a free tier.
        free: units a month that the free tier gives to the pool.
    """

    kind: str
    name: str
    usd: float
    per: float
    unit: str
    region: str
    source: str
    read_on: str
    tiers: tuple[tuple[float, float], ...]
    pool: str = ""
    free: float = 0.0

    def list_usd(self, units: float) -> float:
        """Return what so many units cost at the first tier's price."""
        return units / self.per * self.usd

    def month_usd(self, units: float) -> float:
        """Return what so many units cost in one month, each at the price of its own tier."""
        total, begun = 0.0, 0.0
        for end, usd in self.tiers:
            if units <= begun:
                break
            total += (min(units, end) - begun) / self.per * usd
            begun = end
        return total


class Prices:
    """The prices of one page in one Region.

    Args:
        page: the page with a section `prices`.
        kind: the service's kind.
        region: where the account is; another Region's prices stand in where there are none.
    """

    def __init__(self, page: Page, kind: str, region: str) -> None:
        self._page = page
        self._kind = kind
        self.region = region

    def __getitem__(self, name: str) -> Price:
        """Return a price.

        Raises:
            KeyError: the page has no such price.
        """
        entry = self._page.data["prices"][name]
        region = self.region if self.region in entry["usd"] else HOME_REGION
        usd = float(entry["usd"][region])
        free = entry.get("free") or {}
        return Price(
            kind=self._kind,
            name=name,
            usd=usd,
            per=float(entry.get("per", 1)),
            unit=str(entry["unit"]),
            region=region,
            source=self._page.source(str(entry["source"])),
            read_on=str(entry.get("read_on", self._page.read_on)),
            tiers=tuple(_tiers(usd, (entry.get("tiers") or {}).get(region, ()))),
            pool=str(free.get("pool", "")),
            free=float(free.get("units", 0)),
        )

    def assumed(self, name: str, usd: float, unit: str) -> Price:
        """Return a price that AWS does not publish as one number and an assumption sets."""
        source = f"assumption of {self._kind}"
        return Price(
            self._kind, name, usd, 1, unit, self.region, source, self._page.read_on, ((inf, usd),)
        )


def _tiers(usd: float, more: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, float]]:
    for tier in more:
        yield float(tier["above"]), usd
        usd = float(tier["usd"])
    yield inf, usd


@dataclass(frozen=True, slots=True)
class Usage:
    """Units of one price that a component has used so far.

    Attributes:
        request: what they are, in AWS's words where it has some: `SendMessage`, `shard hours`.
        price: what each costs.
        units: how many.
        standing: whether they are paid for time or for asking, although no message came.
    """

    request: str
    price: Price
    units: float
    standing: bool = False


class Meter(Protocol):
    """Counts what AWS bills of one component."""

    def listener(self, signal: Signal) -> Listener | None:
        """Return what to call when a fact occurs that is billed, or None."""

    def usage(self, now: int) -> Iterable[Usage]:
        """Return what has been used from time zero to `now` (ns)."""


def hours(now: int) -> float:
    """Return a time in ns as hours, in which AWS bills what is provisioned."""
    return now / _NS_PER_HOUR


def gb_months(size_bytes: float, kept_ns: float) -> float:
    """Return what storing so many bytes for a time comes to in GB-months."""
    return size_bytes / GB * kept_ns / _NS_PER_HOUR / HOURS_PER_MONTH


def units_of(size_bytes: int, unit_bytes: int) -> int:
    """Return how many units of a size a payload fills; an empty one is a unit, too."""
    return -(-size_bytes // unit_bytes) or 1

"""What YAML may say about a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from pydantic import Field

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Duration, Factor, RefTo, Spec, String

PAGE = page_beside(__file__, "fault.md")


class FaultSpec(Spec):
    """One entry of `faults:`."""

    name: String | None = None
    at: Duration
    for_: Annotated[Duration | None, Field(alias="for")] = None
    slow: Annotated[String | None, RefTo()] = None
    by: Factor | None = None
    down: Annotated[String | None, RefTo()] = None


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find faults that say too much, too little, or nothing."""
    fault = cast("FaultSpec", spec)
    if (fault.slow is None) == (fault.down is None):
        found = "neither" if fault.slow is None else "both"
        hint = "such as {at: 3m, for: 30s, slow: BillingFn, by: 5x} or {at: 1m, down: Billing}"
        yield Finding("E134", f"a fault is either slow or down, but this has {found}", (), hint)
    elif fault.slow is not None and fault.by is None:
        yield Finding("E134", "a slowdown needs a factor", ("slow",), "add by: 5x")
    elif fault.down is not None and fault.by is not None:
        yield Finding("E134", "an outage has no factor", ("by",), "use slow, or remove by")
    if fault.by == 0:
        hint = "5x is five times slower, 0.5x twice as fast"
        yield Finding("E134", "a slowdown by 0x would take no time at all", ("by",), hint)
    if fault.for_ == 0:
        yield Finding("E134", "the fault lasts no time", ("for",), "such as for: 30s")

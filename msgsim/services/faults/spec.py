"""What YAML may say about a fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from msgsim.model.catalog import page_beside
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Duration, Factor, FieldError, Parsed, RefTo, Spec, String
from msgsim.problems import did_you_mean, quote

PAGE = page_beside(__file__, "fault.md")


DENIALS = {
    "permission": "AccessDenied",
    "key": "KmsAccessDenied",
    "deleted": "NonExistentQueue",
    "disabled": "EndpointDisabled",
}
"""Why an endpoint refuses, and the error that SNS meets: client-side ones, never tried again."""


def _because(value: Any) -> str:
    text = str(value)
    if text not in DENIALS:
        guess = did_you_mean(text, DENIALS)
        hint = f"did you mean {guess}?" if guess else f"known: {', '.join(DENIALS)}"
        raise FieldError("E134", f"a denial cannot be because of {quote(text)}", hint)
    return text


class FaultSpec(Spec):
    """One entry of `faults:`."""

    name: String | None = None
    at: Duration
    for_: Annotated[Duration | None, Field(alias="for")] = None
    slow: Annotated[String | None, RefTo()] = None
    by: Factor | None = None
    down: Annotated[String | None, RefTo()] = None
    deny: Annotated[String | None, RefTo("sns.subscription")] = None
    because: Annotated[str, Parsed(_because, {"enum": list(DENIALS)})] = "permission"


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find faults that say too much, too little, or nothing."""
    fault = cast("FaultSpec", spec)
    kinds = [kind for kind in ("slow", "down", "deny") if getattr(fault, kind) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none of them"
        hint = "such as {at: 3m, for: 30s, slow: BillingFn, by: 5x} or {at: 1m, down: Billing}"
        message = f"a fault is one of slow, down and deny, but this has {found}"
        yield Finding("E134", message, (), hint)
    elif fault.slow is not None and fault.by is None:
        yield Finding("E134", "a slowdown needs a factor", ("slow",), "add by: 5x")
    elif fault.slow is None and fault.by is not None:
        yield Finding("E134", "only a slowdown has a factor", ("by",), "use slow, or remove by")
    if fault.deny is None and "because" in fault.model_fields_set:
        yield Finding("E134", "only deny has a because", ("because",), "remove it")
    if fault.by == 0:
        hint = "5x is five times slower, 0.5x twice as fast"
        yield Finding("E134", "a slowdown by 0x would take no time at all", ("by",), hint)
    if fault.for_ == 0:
        yield Finding("E134", "the fault lasts no time", ("for",), "such as for: 30s")

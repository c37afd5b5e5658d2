"""Amazon Data Firehose: delivery streams, and what they deliver to."""

from __future__ import annotations

from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.distributions import Uniform
from msgsim.model.chance import distribution
from msgsim.model.service import Context, Service
from msgsim.services.firehose.building import build_stream, connect_stream
from msgsim.services.firehose.checks import check
from msgsim.services.firehose.destination import Behaviour, Destination
from msgsim.services.firehose.spec import (
    CODES,
    DESTINATION_PAGE,
    PAGE,
    S3,
    DeliveryStreamSpec,
    DestinationSpec,
)

DESTINATION = "firehose.destination"


def receivers(name: str, spec: DeliveryStreamSpec) -> dict[str, tuple[str, dict[str, Any]]]:
    """Expand to `NAME.destination`, and `NAME.backup`, the bucket beside it."""
    if len(spec.configured) != 1:
        return {}

    def receiver(sort: str, said: Any) -> tuple[str, dict[str, Any]]:
        return DESTINATION, {"sort": sort, "DeliveryStreamName": name, **_said(said)}

    found = {f"{name}.destination": receiver(spec.sort, spec.destination)}
    if spec.sort != S3 or spec.backs_everything_up:
        found[f"{name}.backup"] = receiver(S3, spec.backup)
    return found


def _said(spec: Any) -> dict[str, Any]:
    return {field: getattr(spec, field) for field in spec.model_fields_set}


def build_destination(name: str, spec: DestinationSpec, context: Context) -> Component:
    """Make a receiver; what the scenario does not say about its times is an assumption."""
    sim = context.sim

    def times(purpose: str) -> Any:
        written = getattr(spec, purpose)
        if written is not None:
            return sim.times(name, purpose, written.resolve(context.base_path))
        assumed = context.assumption(DESTINATION, f"{spec.sort}_{purpose}")
        return sim.times(name, purpose, distribution(assumed))

    chance = spec.fails or spec.hangs or spec.answers_lost
    behaviour = Behaviour(
        times("time"),
        times("time_per_mib"),
        spec.fails,
        spec.hangs,
        spec.answers_lost,
        spec.rejects,
        sim.sampler(name, "chance", Uniform(0, 1)) if chance else None,
        sim.sampler(name, "rejects", Uniform(0, 1)) if spec.rejects else None,
    )
    return Destination(sim, name, behaviour)


SERVICES = (
    Service(
        kind="firehose.delivery_stream",
        spec=DeliveryStreamSpec,
        build=build_stream,
        page=PAGE,
        connect=connect_stream,
        check=check,
        parts=receivers,
        codes=CODES,
    ),
    Service(
        kind=DESTINATION,
        spec=DestinationSpec,
        build=build_destination,
        page=DESTINATION_PAGE,
    ),
)

"""Kinesis data streams, provisioned and on-demand, and the actions that reshard them."""

from __future__ import annotations

from msgsim.model.service import Service
from msgsim.services.kinesis import acting
from msgsim.services.kinesis.billing import meter
from msgsim.services.kinesis.building import KIND, build
from msgsim.services.kinesis.spec import CODES, PAGE, StreamSpec, check

SERVICES = (
    Service(
        kind=KIND, spec=StreamSpec, build=build, page=PAGE, check=check, codes=CODES, meter=meter
    ),
    acting.SERVICE,
)

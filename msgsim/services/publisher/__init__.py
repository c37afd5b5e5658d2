"""Publishers (the section `workload:`): who sends what, when, and how the client retries."""

from __future__ import annotations

from msgsim.model.service import Service
from msgsim.services.publisher.building import build, connect
from msgsim.services.publisher.checks import CODES, check
from msgsim.services.publisher.spec import PAGE, WorkloadSpec

SERVICE = Service(
    kind="workload",
    spec=WorkloadSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
)

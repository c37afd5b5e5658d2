"""Faults (the section `faults:`): outages, slowdowns and denials."""

from __future__ import annotations

from msgsim.model.service import Context, Service
from msgsim.services.faults.fault import Fault, Strain
from msgsim.services.faults.spec import DENIALS, PAGE, FaultSpec, check


def build(name: str, spec: FaultSpec, context: Context) -> Fault:
    """Make the fault that the spec describes."""
    by = spec.by if spec.slow else None
    denied = DENIALS[spec.because] if spec.deny else None
    return Fault(context.sim, name, _target(spec), spec.at, spec.for_, by, denied)


def _target(spec: FaultSpec) -> str:
    return spec.slow or spec.down or spec.deny or ""


def connect(fault: Fault, spec: FaultSpec, context: Context) -> None:
    """Find what the fault strikes; all faults on one component share its strain."""
    target = context.find(_target(spec))
    strains: dict[str, Strain] = context.shared.setdefault("strains", {})
    fault.strain = strains.setdefault(target.name, Strain(target, target.slowness))


SERVICE = Service(
    kind="fault",
    spec=FaultSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes={
        "E134": "a workload or fault that contradicts itself, or says something in no known form"
    },
)

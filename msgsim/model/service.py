"""Service: what one file declares so that YAML, the builder and `explain` find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model.billing import Meter, Prices
from msgsim.model.catalog import Page
from msgsim.model.spec import Spec

Specs = Mapping[str, Spec]

ACCOUNT = "the account"
"""Where checks find the scenario's `account` among the specs: no resource can have this name."""


@dataclass(slots=True)
class Context:
    """What a service's `build` and `connect` may use besides its own spec.

    Attributes:
        sim: the simulation the component lives on.
        account: values of the scenario's `account` section shared by all components
            (Region, concurrency quota, quota overrides).
        assumption: `assumption("sqs.queue", "hosts")` returns the value in force for a labelled
            assumption of a page, overridden by the scenario where it says so.
        find: returns the component of a logical name.
        shared: objects that several components of one account share, by name (e.g. the pool of
            account concurrency); created by whoever asks first.
        duration_ns: how long the run lasts.
        base_path: folder of the scenario file, for files it names.
        specs: what the scenario says of every component, by name.
    """

    sim: Simulation
    account: Any
    assumption: Callable[[str, str], Any]
    find: Callable[[str], Component]
    shared: dict[str, Any]
    duration_ns: int
    base_path: Path
    specs: Specs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a meaning check has to say about one resource.

    Attributes:
        code: `E2xx` AWS refuses it, `W2xx` AWS advises against it, `W3xx` simulation sense.
        message: the sentence, with numbers.
        path: where in the resource, e.g. ("VisibilityTimeout",); empty for the resource itself.
        hint: the likely fix.
    """

    code: str
    message: str
    path: tuple[str | int, ...] = ()
    hint: str | None = None


Check = Callable[[str, Spec, Specs], Iterable[Finding]]


def no_findings(name: str, spec: Spec, specs: Specs) -> Iterable[Finding]:
    """Find nothing: the check of a service that has no cross-field rules."""
    return ()


def no_wiring(component: Component, spec: Spec, context: Context) -> None:
    """Wire nothing: the `connect` of a service without references."""


MakeMeter = Callable[[Any, Any, Prices, Context], Meter | None]


def no_meter(component: Component, spec: Spec, prices: Prices, context: Context) -> None:
    """Bill nothing: the meter of what costs nothing with AWS."""
    return


def no_parts(name: str, spec: Spec) -> dict[str, tuple[str, dict[str, Any]]]:
    """Expand to nothing: a service without inline resources."""
    return {}


@dataclass(frozen=True, slots=True)
class Service:
    """The declaration of one service, found by walking `msgsim/services`.

    Attributes:
        kind: the YAML `type`, e.g. `sqs.queue`.
        spec: what YAML may say.
        build: makes the component; other components may not exist yet.
        page: the page beside the code, with the data the service uses.
        connect: resolves references, when all components exist.
        check: cross-field and cross-resource rules on specs.
        parts: inline resources: name → (kind, properties) to be added to the scenario.
        codes: problem codes the checks use → one-line meaning.
        meter: makes what counts the units AWS bills, from the component, its spec, its page's
            prices in the account's Region, and the context; None where nothing is billed.
    """

    kind: str
    spec: type[Spec]
    build: Callable[[str, Any, Context], Component]
    page: Page
    connect: Callable[[Any, Any, Context], None] = no_wiring
    check: Check = no_findings
    parts: Callable[[str, Any], dict[str, tuple[str, dict[str, Any]]]] = no_parts
    codes: Mapping[str, str] = field(default_factory=dict)
    meter: MakeMeter = no_meter

    def __post_init__(self) -> None:
        """Remember whose spec it is, so that checks can tell what a name stands for."""
        _KINDS[self.spec] = self.kind


_KINDS: dict[type[Spec], str] = {}


def kind_of(spec: Spec | None) -> str:
    """Return the `type` of the resource that a spec describes; empty when there is none."""
    return _KINDS.get(type(spec), "") if spec is not None else ""

"""From a validated scenario to a wired system: components made, connected, ready for time zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Observer
from msgsim.kernel.simulation import Simulation
from msgsim.model.billing import HOME_REGION, Meter, Prices
from msgsim.model.catalog import Number
from msgsim.model.routes import Route
from msgsim.model.service import Context
from msgsim.model.spec import FieldError
from msgsim.problems import Problems
from msgsim.scenario.schema import Part, Scenario
from msgsim.services import discover
from msgsim.units import UnitError


@dataclass
class System:
    """A wired model of a scenario, ready to be observed and run.

    Attributes:
        sim: the simulation everything lives on.
        components: by name: resources, workloads, faults, actions.
        routes: every path from an entry point to a subscriber, for the ledger.
        duration_ns: how long the run lasts.
        warm_up_ns: time before which observations are left out.
        assumptions: the labelled assumptions that were used, by kind and name.
        meters: what counts the units AWS bills, by the name of the component.
        free_tier: whether AWS's monthly free units are taken off the bill.
        region: the Region of the account.
    """

    sim: Simulation
    components: dict[str, Component]
    routes: list[Route]
    duration_ns: int
    warm_up_ns: int = 0
    assumptions: dict[tuple[str, str], Number] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)
    free_tier: bool = False
    region: str = HOME_REGION

    def observe(self, observers: Iterable[Observer]) -> None:
        """Bind observers to every component; once, before time zero."""
        watchers = list(observers)
        for component in self.components.values():
            component.bind(watchers)

    def start(self) -> None:
        """Let components begin to act."""
        for component in self.components.values():
            component.start()


def build(scenario: Scenario, seed: int | None = None, replication: int = 0) -> System:
    """Make and wire the components of a scenario.

    Args:
        scenario: what to build.
        seed: overrides the scenario's own.
        replication: index of the replication; it changes every random draw.

    Raises:
        ProblemError: a file that the scenario names cannot be used.
    """
    sim = Simulation(scenario.seed if seed is None else seed, replication)
    system = System(sim, {}, routes(scenario), scenario.duration_ns, scenario.header.warm_up)
    system.region = scenario.header.account.Region
    system.free_tier = scenario.header.account.FreeTier
    context = Context(
        sim=sim,
        account=scenario.header.account,
        assumption=_assumptions(scenario, system),
        find=system.components.__getitem__,
        shared={},
        duration_ns=scenario.duration_ns,
        base_path=scenario.base_path,
        specs=scenario.specs(),
    )
    services = discover()
    problems = Problems()
    for part in scenario.parts.values():
        try:
            made = services[part.kind].build(part.name, part.spec, context)
        except FieldError as error:
            problems.add(error.code, f"{part.name}: {error.message}", part.node.place, error.hint)
        except UnitError as error:
            problems.add("E130", f"{part.name}: {error}", part.node.place)
        else:
            system.components[part.name] = made
    problems.raise_if_errors(scenario.sources)
    for part in scenario.parts.values():
        services[part.kind].connect(system.components[part.name], part.spec, context)
    for part in scenario.parts.values():
        service = services[part.kind]
        prices = Prices(service.page, part.kind, context.account.Region)
        meter = service.meter(system.components[part.name], part.spec, prices, context)
        if meter is not None:
            system.meters[part.name] = meter
    return system


def _assumptions(scenario: Scenario, system: System) -> Any:
    services = discover()

    def assumption(kind: str, name: str) -> Any:
        used = system.assumptions.get((kind, name))
        if used is not None:
            return used.value
        number = services[kind].page.assumptions()[name]
        overrides = scenario.assumptions.get(kind, {})
        value = overrides.get(name, number.value)
        system.assumptions[kind, name] = Number(
            number.name,
            value,
            number.unit,
            "set by the scenario" if name in overrides else number.source,
            number.read_on,
            True,
            number.scope,
        )
        return value

    return assumption


def routes(scenario: Scenario) -> list[Route]:
    """Return the paths from entry points to subscribers, in the order of the scenario."""
    parts = scenario.parts
    senders: dict[str, list[str]] = {}
    for part in scenario.of_section("workload"):
        senders.setdefault(_value(part, "to"), []).append(part.name)
    for part in parts.values():
        for topic in _notified(part, parts):
            senders.setdefault(topic, []).append(part.name)
    found = []
    for part in parts.values():
        route = _route(part, parts, senders)
        if route is not None:
            found.append(route)
    return found


def _notified(part: Part, parts: dict[str, Part]) -> list[str]:
    """Return the topics that an alarm publishes to, each once."""
    if part.kind != "cloudwatch.alarm":
        return []
    spec: Any = part.spec
    targets = {text: None for _, _, text in spec.actions()}
    return [name for name in targets if name in parts and parts[name].kind == "sns.topic"]


def _route(part: Part, parts: dict[str, Part], senders: dict[str, list[str]]) -> Route | None:
    if part.kind == "sqs.queue" and part.name in senders:
        return Route(part.name, part.name, None, tuple(senders[part.name]), _dead_letters(part))
    if part.kind == "sns.subscription":
        topic, endpoint = _value(part, "TopicArn"), _value(part, "Endpoint")
        dead_letters = _dead_letters(parts[endpoint])
        sent = tuple(senders.get(topic, ()))
        return Route(topic, endpoint, part.name, sent, dead_letters, _records(parts, endpoint))
    if part.kind == "lambda.event_source_mapping":
        source = _value(part, "EventSourceArn")
        if parts[source].kind in ("kinesis.stream", "dynamodb.stream"):
            return _of_stream(part, source, senders)
        if parts[source].kind == "kinesis.stream_consumer":
            return _of_stream(part, _value(parts[source], "StreamARN"), senders)
    if part.kind == "firehose.delivery_stream":
        return _of_delivery_stream(part, senders)
    if part.kind == "kinesis.consumer":
        return _of_stream(part, _value(part, "StreamARN"), senders)
    return None


def _records(parts: dict[str, Part], function: str) -> tuple[str, ...]:
    """Return the queues that get records about a function's events, through topics as well."""
    config = getattr(parts[function].spec, "EventInvokeConfig", None)
    letters = getattr(parts[function].spec, "DeadLetterConfig", None)
    destinations = config.DestinationConfig if config is not None else None
    found = [letters.TargetArn] if letters is not None else []
    if destinations is not None:
        both = (destinations.OnSuccess, destinations.OnFailure)
        found += [each.Destination for each in both if each is not None]
    if not found:
        return ()
    behind = [
        _value(part, "Endpoint")
        for part in parts.values()
        if part.kind == "sns.subscription" and _value(part, "TopicArn") in found
    ]
    return tuple(dict.fromkeys([*found, *behind]))


def _of_delivery_stream(part: Part, senders: dict[str, list[str]]) -> Route | None:
    source = getattr(part.spec, "KinesisStreamSourceConfiguration", None)
    if source is not None:
        return _of_stream(part, source.KinesisStreamARN, senders)
    if part.name in senders:
        return Route(part.name, part.name, None, tuple(senders[part.name]), None)
    return None


def _of_stream(part: Part, stream: str, senders: dict[str, list[str]]) -> Route:
    given_up = getattr(part.spec, "DestinationConfig", None)
    documents = () if given_up is None else (given_up.OnFailure.Destination,)
    return Route(stream, part.name, None, tuple(senders.get(stream, ())), None, documents)


def _dead_letters(part: Part) -> str | None:
    policy = getattr(part.spec, "RedrivePolicy", None)
    if policy is not None:
        return str(policy.deadLetterTargetArn)
    config = getattr(part.spec, "DeadLetterConfig", None)
    return str(config.TargetArn) if config is not None else None


def _value(part: Part, name: str) -> str:
    return str(getattr(part.spec, name))

"""Which formula holds for a queue and its consumer, or which of its assumptions fails.

The scenario says what arrives, who serves and how; the run says what happened on the way (timeouts
that were reached, dead letters). The first assumption that fails is named in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.distributions import Constant, Distribution, Exponential
from msgsim.model.chance import Chance, distribution
from msgsim.scenario.schema import Part, Scenario

NS_PER_S = 1_000_000_000
FLEET, QUEUE, MAPPING = "worker.fleet", "sqs.queue", "lambda.event_source_mapping"


class AssumptionFails(Exception):
    """No formula holds, and why, in one sentence without a capital and a full stop."""


@dataclass(frozen=True, slots=True)
class Model:
    """What a formula needs to know of a queue and its consumer.

    Attributes:
        consumer: who serves.
        arrival_rate: messages per second.
        arrival_cv: coefficient of variation of the gaps; 1 for a Poisson process.
        service_time: mean time a worker is busy with a message (s), calls included.
        service_cv: its coefficient of variation.
        exponential: whether that time is exponentially distributed.
        servers: how many workers.
        in_order: whether messages are served first come, first served.
        sending_share: share of the observed time in which messages are sent; no wait depends on
            it, because each is some message's, but what is averaged over time does.
    """

    consumer: str
    arrival_rate: float
    arrival_cv: float
    service_time: float
    service_cv: float
    exponential: bool
    servers: int
    in_order: bool
    sending_share: float = 1.0

    @property
    def utilisation(self) -> float:
        """Share of the workers' time that is work (rho)."""
        return self.arrival_rate * self.service_time / self.servers


def model_of(
    scenario: Scenario, queue: str, counts: Mapping[str, int], assumed: Mapping[Any, Any]
) -> Model:
    """Return what a formula takes of a queue.

    Args:
        scenario: the scenario (of this variant).
        queue: name of the queue.
        counts: what happened at it, as in results (`returned`, `dead_lettered`, …).
        assumed: the labelled assumptions in force, by kind and name.

    Raises:
        AssumptionFails: an assumption that all formulas share does not hold.
    """
    _undisturbed(scenario)
    consumer = _only_consumer(scenario, queue)
    _plain_queue(scenario.parts[queue], queue)
    rate, cv = _arrivals(scenario, queue)
    mean, service_cv, exponential = _service(scenario, consumer, assumed)
    _served_once(scenario.parts[queue], counts, queue)
    hosts = assumed.get(("sqs.queue", "hosts"))
    in_order = hosts is not None and int(hosts.value) == 1
    spec: Any = consumer.spec
    servers = int(getattr(spec, "first", spec.workers)) * int(getattr(spec, "threads", 1))
    sending = _sending_share(scenario, queue)
    return Model(consumer.name, rate, cv, mean, service_cv, exponential, servers, in_order, sending)


def _undisturbed(scenario: Scenario) -> None:
    faults = scenario.of_section("faults")
    if faults:
        raise AssumptionFails("a fault changes the system during the run")


def _only_consumer(scenario: Scenario, queue: str) -> Part:
    found = [
        part
        for part in scenario.parts.values()
        if getattr(part.spec, "queue", None) == queue
        or (part.kind == MAPPING and getattr(part.spec, "EventSourceArn", None) == queue)
    ]
    if not found:
        raise AssumptionFails("nobody serves this queue")
    if len(found) > 1:
        names = " and ".join(part.name for part in found)
        raise AssumptionFails(f"{names} serve it together, and are not alike")
    (consumer,) = found
    if consumer.kind == MAPPING:
        raise AssumptionFails(
            f"the number of servers is not fixed: {consumer.name} begins with few pollers and "
            "adds and removes some as it goes"
        )
    return consumer


def _plain_queue(part: Part, queue: str) -> None:
    spec: Any = part.spec
    if spec.FifoQueue:
        raise AssumptionFails(
            "a FIFO queue holds messages back behind their group, although workers are free"
        )
    if spec.DelaySeconds:
        raise AssumptionFails(
            f"messages are delayed by {spec.DelaySeconds} s before they can be served"
        )


# Arrivals ----------------------------------------------------------------------------------


def _arrivals(scenario: Scenario, queue: str) -> tuple[float, float]:
    """Return the rate of arrivals and the coefficient of variation of their gaps."""
    ways = _ways(scenario, queue)
    found = [(part, via) for entry, via in ways for part in _senders(scenario, entry)]
    if not found:
        raise AssumptionFails("no workload sends to it")
    rate, even = 0.0, 0
    for part, via in found:
        each, is_even = _stream(part, via, scenario)
        rate += each
        even += is_even
    if even and len(found) > 1:
        raise AssumptionFails("several workloads mix, and not all of them are Poisson processes")
    return rate, 0.0 if even else 1.0


def _ways(scenario: Scenario, queue: str) -> list[tuple[str, Part | None]]:
    """Return what leads to a queue: itself, and topics with a subscription."""
    ways: list[tuple[str, Part | None]] = [(queue, None)]
    for part in scenario.parts.values():
        spec: Any = part.spec
        if part.kind == "sns.subscription" and spec.Endpoint == queue:
            ways.append((spec.TopicArn, part))
        policy = getattr(spec, "RedrivePolicy", None)
        if policy is not None and policy.deadLetterTargetArn == queue:
            raise AssumptionFails(f"what arrives is what {part.name} gave up, no Poisson process")
    return ways


def _senders(scenario: Scenario, entry: str) -> list[Part]:
    found = []
    for part in scenario.of_section("workload"):
        spec: Any = part.spec
        if spec.to == entry:
            found.append(part)
    return found


def _stream(part: Part, via: Part | None, scenario: Scenario) -> tuple[float, bool]:
    """Return a workload's rate, and whether its gaps are even."""
    spec: Any = part.spec
    arrivals = spec.arrivals
    poisson: float = (arrivals.poisson if arrivals is not None else None) or 0.0
    steady: float = spec.rate or (arrivals.steady if arrivals is not None else None) or 0.0
    name = _named(part)
    if not (poisson or steady):
        raise AssumptionFails(f"the arrival rate of {name} changes, so that nothing is stationary")
    if spec.count is not None:
        raise AssumptionFails(f"{name} ends after {spec.count:,} messages, whenever that is")
    if spec.batch > 1:
        raise AssumptionFails(f"{name} sends batches of up to {spec.batch}, not single messages")
    if spec.resend is not None or spec.response_lost:
        raise AssumptionFails(f"{name} sends some messages twice")
    if via is not None and getattr(via.spec, "FilterPolicy", None) is not None:
        raise AssumptionFails(f"the filter policy of {via.name} thins the arrivals")
    if steady:
        _even_on_arrival(spec, via, name, scenario)
    return poisson or steady, not poisson


def _sending_share(scenario: Scenario, queue: str) -> float:
    """Return in which share of the observed time all workloads send."""
    spans = set()
    for entry, _ in _ways(scenario, queue):
        for part in _senders(scenario, entry):
            spec: Any = part.spec
            spans.add((spec.from_, scenario.duration_ns if spec.until is None else spec.until))
    if len(spans) > 1:
        raise AssumptionFails(
            "workloads begin and end at different times, so that the rate changes"
        )
    ((begins, ends),) = spans
    warm_up = scenario.header.warm_up
    sending = min(ends, scenario.duration_ns) - max(begins, warm_up)
    if sending <= 0:
        raise AssumptionFails("nothing is sent in the observed time")
    return sending / (scenario.duration_ns - warm_up)


def _even_on_arrival(spec: Any, via: Part | None, name: str, scenario: Scenario) -> None:
    """Refuse even gaps that random travel times disturb; a Poisson process they leave as it is."""
    times: list[Chance | None] = [spec.call_time]
    if via is not None:
        times.append(getattr(via.spec, "latency", None))
    known = [each for each in times if each is not None]
    still = all(isinstance(each.resolve(scenario.base_path), Constant) for each in known)
    if not still or (via is not None and len(known) < len(times) and times[-1] is None):
        raise AssumptionFails(
            f"the even gaps of {name} are disturbed on the way: neither even nor a Poisson process"
        )


def _named(part: Part) -> str:
    spec: Any = part.spec
    return f"workload {part.name}" if spec.name else "the workload"


# Service -----------------------------------------------------------------------------------


def _service(
    scenario: Scenario, consumer: Part, assumed: Mapping[Any, Any]
) -> tuple[float, float, bool]:
    """Return mean (s) and cv of the time a worker is busy, and whether it is exponential."""
    if consumer.kind != FLEET:
        raise AssumptionFails(f"{consumer.name} is a {consumer.kind}, which no formula knows")
    spec: Any = consumer.spec
    _one_at_a_time(consumer.name, spec)
    handler = spec.handler
    if handler.fails or handler.fails_if is not None:
        raise AssumptionFails("some attempts fail, and those messages come back later")
    parts = [handler.time.resolve(scenario.base_path)]
    for purpose in ("receive_time", "delete_time"):
        given = getattr(spec, purpose)
        parts.append(
            given.resolve(scenario.base_path)
            if given is not None
            else distribution(assumed[FLEET, purpose].value)
        )
    parts = [part for part in parts if part.mean > 0]
    mean = sum(part.mean for part in parts)
    variance = sum(part.variance for part in parts)
    exponential = len(parts) == 1 and _is_exponential(parts[0])
    return mean / NS_PER_S, variance**0.5 / mean, exponential


def _is_exponential(part: Distribution) -> bool:
    return isinstance(part, Exponential)


UNLIKE_A_STATION = {
    "scaling": "the number of servers is not fixed: {} scales",
    "spot": "the number of servers is not fixed: machines of {} are taken away",
    "prefetch": "workers of {} fetch messages ahead, which wait there while other workers are free",
    "job": "workers of {} end after some messages, and others have to start",
    "sqsd": "workers of {} get their messages pushed by a daemon",
}
"""Properties of a fleet with which it is no station of c servers at one line."""


def _one_at_a_time(name: str, spec: Any) -> None:
    if spec.MaxNumberOfMessages > 1:
        most = spec.MaxNumberOfMessages
        raise AssumptionFails(
            f"a worker of {name} takes up to {most} messages at once, while others are free"
        )
    if spec.WaitTimeSeconds == 0:
        raise AssumptionFails(f"workers of {name} pause between polls, while messages wait")
    if spec.crash or spec.crash_rate or spec.start:
        raise AssumptionFails(f"not all workers of {name} are there all the time")
    for word, sentence in UNLIKE_A_STATION.items():
        if getattr(spec, word, None) is not None:
            raise AssumptionFails(sentence.format(name))


# What happened -----------------------------------------------------------------------------

HAPPENED = {
    "returned": "visibility timeouts were reached {} times, and those messages were served again",
    "dead_lettered": "{} messages left for the dead-letter queue",
    "expired": "the retention of {} messages ended before they were served",
    "ghosts": "{} deleted messages came back from a replica",
}


def _served_once(part: Part, counts: Mapping[str, int], queue: str) -> None:
    for word, sentence in HAPPENED.items():
        count = counts.get(word, 0)
        if count:
            raise AssumptionFails(sentence.format(f"{count:,}"))

"""Throughput of a standard queue with worker threads that send and receive batches of 1 to 10.

SoftwareMill, mqperf 2021 (https://softwaremill.com/mqperf/; article.md in softwaremill/mqperf): one
sending node and two receiving ones with as many threads each, synchronous sends, asynchronous
deletes. Bounds: rates within 10 %; the row with 50 threads by its shape (less received than sent,
the backlog grows).

The senders form a closed loop, which workloads do not: `Senders` below sends the next batch when
the answer to the last one has come. Round trips are those that `worker.fleet` assumes for its
calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from msgsim.kernel.sampling import IntegerSampler, Sampler
from msgsim.model.chance import distribution
from msgsim.model.message import Key, Message
from msgsim.scenario.build import System, build
from msgsim.scenario.load import load_text
from msgsim.services import discover
from tests.validation.calls import rows as calls_per_second
from tests.validation.rows import (
    CALIBRATION,
    NS_PER_MS,
    NS_PER_S,
    VALIDATION,
    Caught,
    Row,
    about,
    quantile,
)

SATURATED_PER_S = 14_423
"""What the two receiving nodes got through with 50 threads each: an input of that row alone."""


@dataclass(frozen=True)
class Case:
    """One line of the published table, and how long it is simulated."""

    threads: int
    sent_per_s: int
    received_per_s: int
    p95_ms: int
    seconds: int


CASES = (
    Case(1, 528, 529, 113, 60),
    Case(5, 2_680, 2_682, 277, 12),
    Case(25, 13_345, 13_370, 1_960, 3),
)
OVERLOAD = Case(50, 22_687, 14_423, 60_000, 3)
SCENARIO = """
msgsim: 1
question: How much do a queue and its clients carry?
seed: 1
duration: {seconds}s
workload:
  - {{to: Unused, rate: 1/s, count: 1}}
resources:
  Unused: {{type: sqs.queue}}
  Q: {{type: sqs.queue}}
  Receivers:
    type: worker.fleet
    queue: Q
    workers: 2
    threads: {threads}
    MaxNumberOfMessages: 10
    order: parallel
    delete: batch
    delete_time: 0s
    handler: {{time: {work}}}
"""


class Senders:
    """Threads that send a batch of 1 to 10 messages, wait for the answer, and send the next one."""

    def __init__(self, system: System, threads: int) -> None:
        self.sim, self.queue = system.sim, system.components["Q"]
        assumed = discover()["worker.fleet"].page.assumptions()["receive_time"].value
        self.call_time = Sampler(distribution(assumed), 1, 0, "calls", integer=True)
        self.sizes = IntegerSampler(10, 1, 0, "sizes")
        self.numbers = count()
        self.key = Key("a", "sender")
        self.sent = 0
        self.calls_ms: list[float] = []
        for _ in range(threads):
            self.sim.at(0, self._call)

    def _call(self) -> None:
        took_ns = self.call_time.draw()
        self.calls_ms.append(took_ns / NS_PER_MS)
        born_ns = self.sim.now
        self.sim.after(took_ns // 2, self._arrive, born_ns)
        self.sim.after(took_ns, self._call)

    def _arrive(self, born_ns: int) -> None:
        batch = [
            Message(number, self.key, number, born_ns, 100)
            for number, _ in zip(self.numbers, range(self.sizes.draw() + 1), strict=False)
        ]
        answers = self.queue.accept_batch(batch)  # type: ignore[attr-defined]
        assert not any(answers)
        self.sent += len(batch)


@dataclass(frozen=True)
class Found:
    """Rates per second, 95th percentiles in ms, and what the queue held at the end."""

    sent: float
    received: float
    processing_p95: float
    send_p95: float
    backlog: float


@cache
def simulated(case: Case, work: str = "1us") -> Found:
    """Run one case."""
    text = SCENARIO.format(seconds=case.seconds, threads=case.threads, work=work)
    system = build(load_text(text))
    received = 0
    ages: list[float] = []

    def completed(now: int, delivery: Any, *more: object) -> None:
        nonlocal received
        received += 1
        ages.append((now - delivery.message.born_ns) / NS_PER_MS)

    system.observe([Caught("Receivers", "completed", completed)])
    senders = Senders(system, case.threads)
    system.start()
    system.sim.run(case.seconds * NS_PER_S, 1 << 40)
    return Found(
        senders.sent / case.seconds,
        received / case.seconds,
        quantile(ages, 0.95),
        quantile(senders.calls_ms, 0.95),
        (senders.sent - received) / case.seconds,
    )


def overloaded() -> Found:
    """Run the case with 50 threads; its receivers are as slow as the measured nodes together."""
    per_thread_ms = 10_000 / (SATURATED_PER_S / (2 * OVERLOAD.threads))
    return simulated(OVERLOAD, f"{per_thread_ms - 10:.1f}ms")


def rows() -> Iterator[Row]:
    """Yield what is sent, received and how long both take."""
    for case in CASES:
        found = simulated(case)
        what = f"{case.threads} thread{'s' if case.threads > 1 else ''}"
        per_s: dict[str, Any] = {"unit": "msg/s"}
        role = CALIBRATION if case.threads == 1 else VALIDATION
        yield about(what, "sent", case.sent_per_s, found.sent, 0.10, role=role, **per_s)
        yield about(what, "received", case.received_per_s, found.received, 0.10, role=role, **per_s)
        yield about(what, "send P95", 49, found.send_p95, 0.15, role=CALIBRATION)
        yield about(what, "processing P95", case.p95_ms, found.processing_p95, 0.40)
    found = overloaded()
    what = f"{OVERLOAD.threads} threads"
    most = float("inf")
    sent, got = OVERLOAD.sent_per_s, OVERLOAD.received_per_s
    yield Row(what, "sent", sent, found.sent, 1.1 * found.received, most, unit="msg/s")
    yield about(what, "received", got, found.received, 0.10, role=CALIBRATION, unit="msg/s")
    yield Row(what, "backlog grows by", sent - got, found.backlog, 1, most, unit="msg/s")
    yield from calls_per_second()

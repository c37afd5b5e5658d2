"""How often functions start cold, and how many instances there are, under Poisson arrivals.

Mahmoudi & Khazaei, SimFaaS (arXiv 2102.08904), https://github.com/pacslab/simfaas examples/exp.csv:
experiments on AWS Lambda with one function. Bounds: the probability within two standard errors of
the experiment or 15 %, instances within 5 %, busy ones within 15 %. Service times are exponential
with the measured means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from msgsim.kernel.distributions import Exponential
from msgsim.kernel.sampling import Sampler
from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.scenario.build import build
from msgsim.scenario.load import load_text
from tests.validation.cold_in_use import rows as in_use
from tests.validation.rows import NS_PER_S, VALIDATION, Caught, Row, about


@dataclass(frozen=True)
class Experiment:
    """One line of the published table, and how many invocations are simulated for it."""

    per_s: float
    warm_ms: int
    cold_ms: int
    cold_share: float
    error: float
    instances: float
    busy: float
    invocations: int


EXPERIMENTS = (
    Experiment(0.001863, 1_955, 2_563, 0.34299, 0.03176, 0.674, 0.0016, 10_000),
    Experiment(0.005725, 1_952, 2_359, 0.03828, 0.00617, 1.032, 0.0128, 30_000),
    Experiment(0.050120, 1_967, 2_192, 0.00854, 0.00094, 2.114, 0.0945, 60_000),
    Experiment(0.198076, 1_986, 2_302, 0.00372, 0.00028, 3.719, 0.4067, 100_000),
    Experiment(0.595606, 2_002, 2_209, 0.00176, 0.00007, 6.419, 1.1358, 200_000),
)
SCENARIO = """
msgsim: 1
question: How often does a function start cold?
seed: 1
duration: 1s
workload:
  - {{to: Unused, rate: 1/s, count: 1}}
resources:
  Unused: {{type: sqs.queue}}
  Fn:
    type: lambda.function
    Timeout: 900
    cold_start: {{dist: exponential, mean: {init_ms}ms}}
    handler: {{time: {{dist: exponential, mean: {warm_ms}ms}}}}"""


class Caller:
    """Invokes a function again and again, and looks how many instances there are beforehand.

    Poisson arrivals see time averages, so that the mean of what they see is the mean over time.
    """

    def __init__(self, experiment: Experiment) -> None:
        init_ms = experiment.cold_ms - experiment.warm_ms
        text = SCENARIO.format(init_ms=init_ms, warm_ms=experiment.warm_ms)
        self.system = build(load_text(text))
        self.function = self.system.components["Fn"]
        self.left = self.invocations = experiment.invocations
        self.cold = self.seen = 0
        self.busy = self.busy_ns = self.since_ns = 0
        gap = Exponential(NS_PER_S / experiment.per_s)
        self.gap = Sampler(gap, 1, 0, "arrivals", integer=True)
        self.key = Key("a", "caller")
        self.system.observe(
            [
                Caught("Fn", "cold_start", self._started_cold),
                Caught("Fn", "started", lambda now, *more: self._changes(now, 1)),
                Caught("Fn", "ended", lambda now, *more: self._changes(now, -1)),
            ]
        )
        self.system.start()

    def run(self) -> None:
        """Make all invocations."""
        sim = self.system.sim
        sim.after(self.gap.draw(), self._arrive)
        while self.left:
            sim.run(sim.now + 86_400 * NS_PER_S, 1 << 40)

    def _arrive(self) -> None:
        sim = self.system.sim
        self.seen += self.function.environments.count(sim.now)  # type: ignore[attr-defined]
        self.left -= 1
        message = Message(self.left, self.key, self.left, sim.now, 100)
        delivery = Delivery(Copy(message, sim.now), 1, sim.now)
        code = self.function.invoke([delivery], _nothing, _nothing)  # type: ignore[attr-defined]
        assert code is None
        if self.left:
            sim.after(self.gap.draw(), self._arrive)

    def _started_cold(self, now: int, init_ns: int) -> None:
        self.cold += 1

    def _changes(self, now: int, by: int) -> None:
        """Add up the time of busy instances."""
        self.busy_ns += self.busy * (now - self.since_ns)
        self.busy += by
        self.since_ns = now


def _nothing(*values: object) -> None:
    """Nobody waits for the end."""


@cache
def simulated(index: int) -> tuple[float, float, float]:
    """Return the share of cold starts, and mean numbers of instances and of busy ones."""
    caller = Caller(EXPERIMENTS[index])
    caller.run()
    return (
        caller.cold / caller.invocations,
        caller.seen / caller.invocations,
        caller.busy_ns / caller.since_ns,
    )


def rows() -> Iterator[Row]:
    """Yield three rows for each experiment, and what AWS says of functions in use."""
    for index, experiment in enumerate(EXPERIMENTS):
        cold, instances, busy = simulated(index)
        what = f"{experiment.per_s:.6f}/s"
        measured = 100 * experiment.cold_share
        spare = max(200 * experiment.error, 0.15 * measured)
        yield Row(
            what, "P(cold)", measured, 100 * cold, measured - spare, measured + spare,
            VALIDATION, "%", 3,
        )  # fmt: skip
        yield about(what, "instances", experiment.instances, instances, 0.05, unit="", digits=3)
        yield about(what, "busy", experiment.busy, busy, 0.15, unit="", digits=4)
    yield from in_use()

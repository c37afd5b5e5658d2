"""Endpoints outside AWS's queues and functions: a web server, a mailbox, a phone."""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery

OK, UNAVAILABLE = 200, 503


@dataclass(frozen=True, slots=True)
class Answers:
    """How a simulated receiver answers.

    Attributes:
        time: how long it takes (ns), drawn by message and attempt.
        status: its HTTP status when nothing fails; outside 200 to 299 it always fails.
        fail_status: its HTTP status when it fails.
        fails: share of the requests that fail.
        hangs: share of the requests that get no answer at all.
        draw: uniform draws that decide both; None when neither happens.
    """

    time: Sampler[int]
    status: int = OK
    fail_status: int = UNAVAILABLE
    fails: float = 0.0
    hangs: float = 0.0
    draw: Sampler[float] | None = None


class Endpoint(Component):
    """A receiver of SNS deliveries (a station with infinitely many servers).

    It may process a message although SNS, after 15 s without an answer, believes that it did not:
    then the same message comes again.

    Args:
        answers: how it answers.
    """

    kind = "sns.endpoint"
    fifo = False
    signals = (facts.TAKEN, facts.COMPLETED, facts.FAILED)

    def __init__(self, sim: Simulation, name: str, answers: Answers) -> None:
        super().__init__(sim, name)
        self._answers = answers

    def request(self, copy: Copy) -> tuple[int | None, int]:
        """Get a message; return after how long (ns) the answer comes, None for never, and which.

        While it is down, connections are refused at once, which counts as status 503.
        """
        if self.down:
            return 0, UNAVAILABLE
        now = self.sim.now
        copy.starts += 1
        delivery = Delivery(copy, copy.starts, now)
        if self.on_taken is not None:
            self.on_taken(now, [delivery])
        status = self._status(copy)
        if status is None:
            return None, 0
        time = self._answers.time.at(copy.message.number, copy.starts)
        time_ns = max(0, round(time * self.slowness))
        if time_ns:
            self.sim.after(time_ns, self._end, delivery, status)
        else:
            self._end(delivery, status)
        return time_ns, status

    def _status(self, copy: Copy) -> int | None:
        answers = self._answers
        if answers.draw is None:
            return answers.status
        drawn = answers.draw.at(copy.message.number, copy.starts)
        if drawn < answers.hangs:
            return None
        return answers.fail_status if drawn < answers.hangs + answers.fails else answers.status

    def _end(self, delivery: Delivery, status: int) -> None:
        """Finish a request; what SNS has given up meanwhile is not counted any more."""
        now = self.sim.now
        if delivery.copy.gone:
            return
        if delivered(status):
            delivery.copy.completions += 1
            if self.on_completed is not None:
                self.on_completed(now, delivery)
        elif self.on_failed is not None:
            self.on_failed(now, delivery, f"HTTP {status}")


def delivered(status: int) -> bool:
    """Say whether an HTTP status tells SNS that the message has arrived."""
    return 200 <= status < 300


def retryable(status: int) -> bool:
    """Say whether SNS tries again: after any 5xx and after 429, never after anything else.

    Source: SNS Developer Guide, sns-message-delivery-retries.html.
    """
    return status == 429 or 500 <= status < 600

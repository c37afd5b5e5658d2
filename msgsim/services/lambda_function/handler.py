"""What the user's code does with a batch: how long it takes, and where it fails.

Pure: a `Plan` is made when the invocation begins, from numbers that belong to the messages, so that
two variants of a scenario fail on the same records. `Function` then lets the plan happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgsim.model.failing import Fails
from msgsim.model.message import Delivery

RAISE, REPORT_FAILED, REPORT_AND_STOP = "raise", "failed", "stop"
REPORT_MALFORMED = "malformed"
OK, ERROR, TIMEOUT = "ok", "error", "timeout"


class Numbered(Protocol):
    """A sampler with a value for every message and attempt."""

    def at(self, number: int, attempt: int = 1) -> float:
        """Return the value of message `number` at its `attempt`."""


class Step:
    """One record of a batch that is worked through in sequence.

    Attributes:
        delivery: the record.
        ends_ns: when work on it ends, counted from the start of the handler.
        done: whether its side effect happens then.
    """

    __slots__ = ("delivery", "done", "ends_ns")

    def __init__(self, delivery: Delivery, ends_ns: int, done: bool) -> None:
        self.delivery = delivery
        self.ends_ns = ends_ns
        self.done = done


class Plan:
    """How one invocation will go.

    Attributes:
        status: `ok`, `error` (the handler raises) or `timeout`.
        duration_ns: how long the handler runs.
        done: records whose side effects happen at the end, when the batch is worked as a whole.
        failed: records reported as failed; without a report, those at which the handler failed.
        steps: records one by one, when they are worked in sequence; else None.
        malformed: whether the report of the failed records cannot be understood.
    """

    __slots__ = ("done", "duration_ns", "failed", "malformed", "status", "steps")

    def __init__(
        self,
        status: str,
        duration_ns: int,
        done: Sequence[Delivery] = (),
        failed: Sequence[Delivery] = (),
        steps: list[Step] | None = None,
    ) -> None:
        self.status = status
        self.duration_ns = duration_ns
        self.done = done
        self.failed = failed
        self.steps = steps
        self.malformed = False


class Handler:
    """The handler of a function: service times and failures.

    Args:
        time: nanoseconds of one invocation; with `time_per_record`, what precedes the records.
        time_per_record: nanoseconds of each record, one after the other; None works the batch as
            a whole, all side effects at the end.
        error_time: nanoseconds until a failure shows; None takes as long as success.
        fails: whether a message fails at an attempt (1 for the first), or None for never.
        report: `raise` at the first failing record, report `failed` ones and go on, or `stop` at
            the first and report it with all that follow; a `malformed` report names records
            that the batch does not have.
        timeout_ns: when Lambda ends the handler.
        pace: factor on all times, from the memory and with it the CPU that the function has.
    """

    def __init__(
        self,
        time: Numbered,
        timeout_ns: int,
        *,
        time_per_record: Numbered | None = None,
        error_time: Numbered | None = None,
        fails: Fails | None = None,
        report: str = RAISE,
        pace: float = 1.0,
    ) -> None:
        self._pace = pace
        self._time = time
        self._per_record = time_per_record
        self._error_time = error_time
        self._fails = fails
        self.report = report
        self.in_sequence = time_per_record is not None
        self._steady = fails is None and time_per_record is None
        self.timeout_ns = timeout_ns

    def plan(self, batch: Sequence[Delivery], slowness: float = 1.0) -> Plan:
        """Decide how the handler treats `batch`; its times are multiplied by `slowness`."""
        factor = slowness * self._pace
        first = batch[0]
        time_ns = _slowed(self._time.at(first.message.number, first.copy.starts + 1), factor)
        if self._steady and time_ns <= self.timeout_ns:
            return Plan(OK, time_ns, batch)
        if self._per_record is not None:
            plan = self._in_sequence(batch, time_ns, factor)
        else:
            plan = self._ended(self._whole(batch, time_ns, factor), batch)
        if plan.failed and self.report == REPORT_MALFORMED and plan.status == OK:
            plan.malformed = True
        return plan

    def lead_ns(self, batch: Sequence[Delivery], slowness: float = 1.0) -> int:
        """Return the time of the invocation itself, which precedes records in sequence."""
        return self._lead_ns(batch, slowness * self._pace)

    def work(self, batch: Sequence[Delivery], slowness: float = 1.0) -> Plan:
        """Decide how records are treated that are worked together, whatever the time-out.

        In sequence that is one record, and its time; else the whole batch.
        """
        factor = slowness * self._pace
        if self._per_record is None:
            return self._whole(batch, self._lead_ns(batch, factor), factor)
        fails, time_ns = self._record(batch[0], factor)
        if not fails:
            return Plan(OK, time_ns, batch)
        return Plan(ERROR if self.report == RAISE else OK, time_ns, (), batch)

    def _lead_ns(self, batch: Sequence[Delivery], factor: float) -> int:
        first = batch[0]
        return _slowed(self._time.at(first.message.number, first.copy.starts + 1), factor)

    def _whole(self, batch: Sequence[Delivery], time_ns: int, slowness: float) -> Plan:
        fails = self._fails
        if fails is None:
            return Plan(OK, time_ns, batch)
        bad = [i for i, d in enumerate(batch) if fails(d.message, d.copy.starts + 1)]
        if not bad:
            return Plan(OK, time_ns, batch)
        return self._with_failures(batch, bad, time_ns, slowness)

    def _with_failures(
        self, batch: Sequence[Delivery], bad: list[int], time_ns: int, slowness: float
    ) -> Plan:
        k = bad[0]
        if self.report in (REPORT_FAILED, REPORT_MALFORMED):
            marked = set(bad)
            done = [delivery for i, delivery in enumerate(batch) if i not in marked]
            return Plan(OK, time_ns, done, [batch[i] for i in bad])
        if self._error_time is not None:
            message = batch[k].message
            drawn = self._error_time.at(message.number, batch[k].copy.starts + 1)
            time_ns = _slowed(drawn, slowness)
        if self.report == REPORT_AND_STOP:
            return Plan(OK, time_ns, batch[:k], batch[k:])
        return Plan(ERROR, time_ns, batch[:k], [batch[k]])

    def _ended(self, plan: Plan, batch: Sequence[Delivery]) -> Plan:
        if plan.duration_ns <= self.timeout_ns:
            return plan
        return Plan(TIMEOUT, self.timeout_ns, (), batch)

    def _in_sequence(self, batch: Sequence[Delivery], now_ns: int, slowness: float) -> Plan:
        steps: list[Step] = []
        failed: list[Delivery] = []
        for index, delivery in enumerate(batch):
            fails, time_ns = self._record(delivery, slowness)
            now_ns += time_ns
            if now_ns > self.timeout_ns:
                steps.append(Step(delivery, self.timeout_ns, False))
                return Plan(TIMEOUT, self.timeout_ns, (), [delivery], steps)
            steps.append(Step(delivery, now_ns, not fails))
            if not fails:
                continue
            if self.report == RAISE:
                return Plan(ERROR, now_ns, (), [delivery], steps)
            if self.report == REPORT_AND_STOP:
                return Plan(OK, now_ns, (), batch[index:], steps)
            failed.append(delivery)
        return Plan(OK, now_ns, (), failed, steps)

    def _record(self, delivery: Delivery, slowness: float) -> tuple[bool, int]:
        message, attempt = delivery.message, delivery.copy.starts + 1
        fails = self._fails is not None and self._fails(message, attempt)
        times = self._error_time if fails and self._error_time is not None else self._per_record
        assert times is not None
        return fails, _slowed(times.at(message.number, attempt), slowness)


def _slowed(time_ns: float, slowness: float) -> int:
    return round(time_ns * slowness) if slowness != 1.0 else int(time_ns)

"""Transformation by a Lambda function: buffers, invocations, retries, and the three statuses."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Timer
from msgsim.model.message import Delivery
from msgsim.model.ports import Invoked, Outcome
from msgsim.services.firehose.buffer import IN_FLIGHT, WAITING, Buffer, Record

OK, DROPPED, PROCESSING_FAILED = "Ok", "Dropped", "ProcessingFailed"
PREFIX = "processing-failed"


@dataclass(frozen=True, slots=True)
class TransformRules:
    """How batches are transformed.

    Attributes:
        size_bytes: `BufferSizeInMBs`.
        interval_ns: `BufferIntervalInSeconds`.
        retries: `NumberOfRetries`, after time-outs and throttles.
        outstanding: most invocations at once for a shard of the source.
        payload_bytes: most data of a request or an answer, before base64.
        patience_ns: how long Firehose waits for an invocation.
        pause_ns: pause before an invocation is tried again (assumption).
        factor: size of a record after the transformation, as a multiple.
        drops: share of the records that the function drops.
        drops_if: attributes and values of records that it always drops.
    """

    size_bytes: int
    interval_ns: int
    retries: int
    outstanding: int
    payload_bytes: int
    patience_ns: int
    pause_ns: int
    factor: float = 1.0
    drops: float = 0.0
    drops_if: Mapping[str, Sequence[object]] | None = None


class _Call:
    """A batch with the function, and how often it was tried."""

    __slots__ = ("records", "run", "shard", "tries")

    def __init__(self, shard: _Shard, records: list[Record]) -> None:
        self.shard = shard
        self.records = records
        self.tries = 0
        self.run = 0


class _Shard:
    """What gathers for the function from one shard of the source."""

    __slots__ = ("buffer", "calling", "timer", "waiting")

    def __init__(self) -> None:
        self.buffer = Buffer()
        self.waiting: deque[list[Record]] = deque()
        self.calling = 0
        self.timer: Timer


class Transformer:
    """Gathers records, has a function transform them, and passes on what comes back.

    A time-out or throttle is tried again; after that, and after any other error, the whole batch
    counts as failed. Source: Firehose Developer Guide, data-transformation-failure-handling.html.

    Args:
        owner: the delivery stream.
        function: the transformation.
        rules: how it is used.
        chance: uniform draws by message for `drops`; None without.
        passed: takes a transformed record.
        failed: takes records that failed, with the prefix of the error output.
        dropped: takes records that were dropped on purpose.
    """

    def __init__(
        self,
        owner: Component,
        function: Invoked,
        rules: TransformRules,
        chance: Sampler[float] | None,
        passed: Callable[[Record], Any],
        failed: Callable[[list[Record], str], Any],
        dropped: Callable[[list[Record]], Any],
    ) -> None:
        self._owner = owner
        self._sim = owner.sim
        self.function = function
        self._rules = rules
        self._chance = chance
        self._passed = passed
        self._failed = failed
        self._dropped = dropped
        self._shards: dict[int, _Shard] = {}

    def add(self, record: Record) -> None:
        """Let a record gather."""
        shard = self._shards.get(record.shard)
        if shard is None:
            shard = self._shards[record.shard] = _Shard()
            shard.timer = self._sim.timer(partial(self._time_out, shard))
        buffer = shard.buffer
        for records in buffer.add(self._sim.now, record, self._rules.size_bytes):
            self._queue(shard, records)
        if len(buffer):
            shard.timer.arm(buffer.began_ns + self._rules.interval_ns)
        else:
            shard.timer.cancel()

    def _time_out(self, shard: _Shard) -> None:
        self._queue(shard, shard.buffer.take())

    def _queue(self, shard: _Shard, records: list[Record]) -> None:
        shard.waiting.append(records)
        self._call_next(shard)

    def _call_next(self, shard: _Shard) -> None:
        while shard.waiting and shard.calling < self._rules.outstanding:
            shard.calling += 1
            self._invoke(_Call(shard, shard.waiting.popleft()))

    def _invoke(self, call: _Call) -> None:
        call.tries += 1
        call.run += 1
        now = self._sim.now
        deliveries = []
        for record in call.records:
            record.state = IN_FLIGHT
            deliveries.append(Delivery(record.copy, call.tries, now))
        run = call.run
        code = self.function.invoke(deliveries, partial(self._ended, call, run), _ignore)
        if code is not None:
            self._unsuccessful(call, code)
        else:
            self._sim.after(self._rules.patience_ns, self._given_up, call, run)

    def _given_up(self, call: _Call, run: int) -> None:
        """Stop waiting for an invocation that takes too long."""
        if call.run == run:
            self._unsuccessful(call, "timeout")

    def _ended(self, call: _Call, run: int, outcome: Outcome) -> None:
        if call.run != run:
            return
        if outcome.status == "ok":
            self._sort(call, outcome)
        elif outcome.status == "error":
            self._fail(call, outcome.status)
        else:
            self._unsuccessful(call, outcome.status)

    def _unsuccessful(self, call: _Call, code: str) -> None:
        """Try again after a time-out or throttle, as often as allowed."""
        call.run += 1
        if call.tries <= self._rules.retries:
            self._tell(len(call.records), code)
            self._sim.after(self._rules.pause_ns, self._invoke, call)
        else:
            self._fail(call, code)

    def _fail(self, call: _Call, code: str) -> None:
        self._tell(len(call.records), code)
        self._end(call)
        self._failed(call.records, PREFIX)

    def _sort(self, call: _Call, outcome: Outcome) -> None:
        """Pass on, drop or give up each record by its status."""
        rules = self._rules
        failed = {id(delivery.copy) for delivery in outcome.failed}
        statuses = [self._status(record, failed) for record in call.records]
        kept = [
            record for record, status in zip(call.records, statuses, strict=True) if status == OK
        ]
        sizes = [max(1, round(record.size_bytes * rules.factor)) for record in kept]
        if sum(sizes) > rules.payload_bytes:
            self._fail(call, "payload")
            return
        self._end(call)
        for status in (OK, DROPPED, PROCESSING_FAILED):
            if status in statuses:
                self._tell(statuses.count(status), status)
        by_status = list(zip(call.records, statuses, strict=True))
        self._dropped([record for record, status in by_status if status == DROPPED])
        self._failed(
            [record for record, status in by_status if status == PROCESSING_FAILED], PREFIX
        )
        for record, size in zip(kept, sizes, strict=True):
            record.size_bytes = size
            record.state = WAITING
            self._passed(record)

    def _status(self, record: Record, failed: set[int]) -> str:
        if id(record.copy) in failed:
            return PROCESSING_FAILED
        message, rules = record.copy.message, self._rules
        wanted = rules.drops_if
        if wanted is not None:
            found = message.attributes
            if all(found.get(name) in values for name, values in wanted.items()):
                return DROPPED
        if self._chance is not None and self._chance.at(message.number) < rules.drops:
            return DROPPED
        return OK

    def _end(self, call: _Call) -> None:
        call.run += 1
        call.shard.calling -= 1
        self._call_next(call.shard)

    def _tell(self, records: int, status: str) -> None:
        if self._owner.on_transformed is not None:
            self._owner.on_transformed(self._sim.now, records, status)


def _ignore(now: int, delivery: Delivery, *more: object) -> None:
    """A transformed record is not delivered yet."""

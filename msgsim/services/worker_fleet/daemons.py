"""Workers that are not a plain poll loop: Beanstalk's daemon, and jobs of AWS Batch."""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.kernel.sampling import Sampler
from msgsim.model.message import Delivery
from msgsim.services.worker_fleet.worker import Worker


@dataclass(frozen=True, slots=True)
class Sqsd:
    """Options of Elastic Beanstalk's worker daemon, namespace `aws:elasticbeanstalk:sqsd`.

    Attributes:
        inactivity_ns: how long it waits for the application's answer.
        error_visibility_ns: after how long a message comes back whose attempt failed.
        retention_ns: how long after it was sent a message is worked at all.
    """

    inactivity_ns: int
    error_visibility_ns: int
    retention_ns: int


class SqsdWorker(Worker):
    """One HTTP connection of the daemon: it POSTs a message to the application and waits.

    Anything but the answer 200 in time shortens the message's timeout to ErrorVisibilityTimeout.
    """

    __slots__ = ()

    def _work(self, delivery: Delivery) -> None:
        fleet = self._fleet
        rules = fleet.sqsd
        assert rules is not None
        copy, now = delivery.copy, self._sim.now
        if now - copy.arrived_ns > rules.retention_ns:
            self._drop(delivery, now)
            return
        copy.starts = attempt = copy.starts + 1
        time = fleet.slowed(fleet.handler_time.at(delivery.message.number, attempt))
        if time > rules.inactivity_ns:
            self._after(rules.inactivity_ns, self._give_up, delivery)
        else:
            self._after(time, self._done_with, delivery, attempt)

    def _give_up(self, delivery: Delivery) -> None:
        if self.alive:
            self._fail(delivery)

    def _fail(self, delivery: Delivery) -> None:
        rules = self._fleet.sqsd
        assert rules is not None
        self._queue.change_visibility(delivery, rules.error_visibility_ns)
        super()._fail(delivery)

    def _drop(self, delivery: Delivery, now: int) -> None:
        """Delete a message that is older than RetentionPeriod, unseen by the application."""
        fleet, copy = self._fleet, delivery.copy
        if self._queue.delete(delivery) is None and not copy.gone:
            copy.gone = True
            if fleet.on_dropped is not None:
                fleet.on_dropped(now, copy, "RetentionPeriod")
        self._left.append(delivery)
        self._next()


class JobWorker(Worker):
    """A job slot of AWS Batch: each message is a job, whose container starts first."""

    __slots__ = ()

    def _work(self, delivery: Delivery) -> None:
        fleet = self._fleet
        starts: Sampler[int] | None = fleet.job_start
        assert starts is not None
        copy, number = delivery.copy, delivery.message.number
        copy.starts = attempt = copy.starts + 1
        time = starts.at(number, attempt) + fleet.handler_time.at(number, attempt)
        self._after(fleet.slowed(time), self._done_with, delivery, attempt)

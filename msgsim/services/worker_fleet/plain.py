"""Plain workers: messages are worked one after the other, and nothing but that takes time.

Nearly every message of most fleets takes one of these two ways: alone, or in a batch that is
deleted in one call. Their steps do what those of `Worker` do, without what only calls that take
time and heartbeats need. They are closures, because what they need again and again is found fastest
in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.kernel.substreams import LAST, SHIFT
from msgsim.model.message import Delivery
from msgsim.model.ports import ReceiveReply

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.fleet import Fleet
    from msgsim.services.worker_fleet.worker import Worker


def plain_reply(worker: Worker, fleet: Fleet) -> ReceiveReply | None:
    """Return what takes the answers to a plain worker's receives; None if it is not plain."""
    if not fleet.plain:
        return None
    return _alone(worker, fleet) if fleet.routine.delete_each else _in_batches(worker, fleet)


def _alone(  # noqa: C901 - two steps that share what they keep
    worker: Worker, fleet: Fleet
) -> ReceiveReply:
    """Receive a message, work, delete it, and receive the next one."""
    env, once = fleet.sim.env, fleet.sim.once
    queue, receive = fleet.queue, fleet.queue.receive
    fails, visited, remove = fleet.fails, fleet.visited, fleet.remove
    started, completed, ended = fleet.on_started, fleet.on_completed, fleet.on_ended
    limit, wait_ns, visibility_ns = fleet.receive_with
    recent, block, attempt = fleet.handler_time.recent.get, fleet.handler_time.block, 0

    def answered(deliveries: list[Delivery], error: str | None) -> None:
        nonlocal attempt
        if error is not None or not deliveries or not worker.alive:
            worker.answered(deliveries, error)
            return
        delivery = deliveries[0]
        worker.batch = deliveries
        worker.tries = 0
        if started is not None:
            started(delivery.received_ns, 1, False)
        copy = delivery.copy
        copy.starts = attempt = copy.starts + 1
        number = delivery.message.number
        if attempt == 1:
            times = recent(number >> SHIFT) or block(number)
            time = times[number & LAST]
        else:
            time = fleet.time_of(number, attempt)
        if fleet.slowness != 1.0:
            time = fleet.slowed(time)
        once(time, worked, delivery)

    def worked(delivery: Delivery) -> None:
        if not worker.alive:
            return
        if fails is not None and fails(delivery.message, attempt):
            worker.fail_alone(delivery)
            return
        now = env._now
        delivery.copy.completions += 1
        if visited is not None and remove is not None and remove(delivery):
            visited(now, delivery)
        else:
            if completed is not None:
                completed(now, delivery)
            error = queue.delete(delivery)
            if error is not None:
                worker.settle_alone(delivery, error)
                return
            if ended is not None:
                ended(now, now - delivery.received_ns, "ok")
        worker.batch = ()
        if worker.leaving is None:
            receive(limit, wait_ns, answered, visibility_ns)
        else:
            worker.go()

    return answered


def _in_batches(  # noqa: C901 - three steps that share what they keep
    worker: Worker, fleet: Fleet
) -> ReceiveReply:
    """Receive a batch, work its messages in turn, and delete in one call those that went well."""
    env, once, fails, completed = fleet.sim.env, fleet.sim.once, fleet.fails, fleet.on_completed
    recent, block, attempt = fleet.handler_time.recent.get, fleet.handler_time.block, 0

    def answered(deliveries: list[Delivery], error: str | None) -> None:
        if error is not None or not deliveries or not worker.alive:
            worker.answered(deliveries, error)
        else:
            worker.take_up(deliveries)
            begin(deliveries[0])

    def begin(delivery: Delivery) -> None:
        nonlocal attempt
        copy, number = delivery.copy, delivery.message.number
        copy.starts = attempt = copy.starts + 1
        if attempt == 1:
            times = recent(number >> SHIFT) or block(number)
            time = times[number & LAST]
        else:
            time = fleet.time_of(number, attempt)
        if fleet.slowness != 1.0:
            time = fleet.slowed(time)
        once(time, worked, delivery)

    def worked(delivery: Delivery) -> None:
        if not worker.alive:
            return
        if fails is not None and fails(delivery.message, attempt):
            worker.let_go(delivery)
        else:
            delivery.copy.completions += 1
            if completed is not None:
                completed(env._now, delivery)
            worker.done.append(delivery)
        batch, position = worker.batch, worker.position
        if position < len(batch):
            worker.position = position + 1
            begin(batch[position])
        else:
            worker.end_batch()

    return answered

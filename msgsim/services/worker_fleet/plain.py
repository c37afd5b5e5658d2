"""The plain worker: one message, received, worked and deleted at once, and the next one.

Nearly every message of most fleets takes this way. Its two steps do what those of `Worker` do,
without what only batches, calls that take time and heartbeats need. They are closures, because what
they need again and again is found fastest in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgsim.kernel.sampling import BLOCK, NEVER
from msgsim.model.message import Delivery
from msgsim.model.ports import ReceiveReply

if TYPE_CHECKING:
    from msgsim.services.worker_fleet.fleet import Fleet
    from msgsim.services.worker_fleet.worker import Worker


def answering(  # noqa: C901, PLR0915 - two steps that share what they keep
    worker: Worker, fleet: Fleet
) -> ReceiveReply:
    """Return what takes the answers to the worker's receives and goes on from there."""
    env, once, block = fleet.sim.env, fleet.sim.once, fleet.handler_time.block
    queue, receive = fleet.queue, fleet.queue.receive
    fails, visited, remove = fleet.fails, fleet.visited, fleet.remove
    started, completed, ended = fleet.on_started, fleet.on_completed, fleet.on_ended
    limit, wait_ns, visibility_ns = fleet.receive_with
    first, times, attempt = NEVER, list[int](), 0

    def answered(deliveries: list[Delivery], error: str | None) -> None:
        nonlocal first, times, attempt
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
            offset = number - first
            if not 0 <= offset < BLOCK:
                first, times = block(number)
                offset = number - first
            time = times[offset]
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

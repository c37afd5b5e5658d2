"""Routes: the paths from where messages enter to whoever they are meant for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """A path from an entry point through a subscription to a subscriber.

    Attributes:
        entry: the topic, queue or stream that workloads send to.
        subscriber: the queue, stream consumer or asynchronously invoked function at which the
            messages are judged; equal to `entry` when a workload sends straight to a queue.
        via: the subscription in between, or None.
        workloads: names of the workloads that send to `entry`.
        dead_letter: the queue that takes what the subscriber gives up, or None.
        records: further queues that get what the subscriber sends on: records about its events.
    """

    entry: str
    subscriber: str
    via: str | None
    workloads: tuple[str, ...]
    dead_letter: str | None = None
    records: tuple[str, ...] = ()

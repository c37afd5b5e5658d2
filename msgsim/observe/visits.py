"""Visits: what nearly every message ends with, heard in one call instead of three.

A worker whose calls take no time completes a message, deletes it and is free again in one moment.
That is three facts (`completed`, `deleted`, `ended`) of two components, and a call for each of them
costs more than what is done about it. Where nobody but the default observers listens to the three,
the fleet announces `visited` instead, and one row of the journal tells all; queues and servers read
their part of it when the journal is worked off.
"""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Combined, Listener, Signal
from msgsim.model.message import Delivery, Message
from msgsim.observe.completions import Completions, Stream
from msgsim.observe.journal import FULL, RESENT, VISIT, pack
from msgsim.observe.queue_watch import QueueWatch
from msgsim.observe.queues import Queues
from msgsim.observe.servers import Servers


class Visits:
    """Observer: offers to hear visits in one, for fleets on a queue."""

    def __init__(self, completions: Completions, queues: Queues, servers: Servers) -> None:
        self._completions = completions
        self._queues = queues
        self._servers = servers

    def listener(self, component: Component, signal: Signal) -> Combined | None:
        """Listen to `visited`, in place of three other listeners."""
        if signal.name != "visited":
            return None
        stream = self._completions.streams.get(component.judged)
        queue = self._queues.watches.get(component.judged)
        server = self._servers.watches.get(component.name)
        if stream is None or queue is None or server is None:
            return None
        consumer = self._completions.consumer_number(component)
        stream.queue_reader = queue.note_visits
        stream.server_readers[consumer] = server.note_visits
        queue.catch_up = server.catch_up = stream.flush
        completed = stream.listener(consumer)
        deleted, ended = queue.listeners()["deleted"], server.listeners()["ended"]
        visited = _visited(stream, queue, consumer, (completed, deleted, ended))
        return Combined(visited, (completed, deleted, ended))

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Nothing to work off."""


def _visited(
    stream: Stream, queue: QueueWatch, consumer: int, apart: tuple[Listener, Listener, Listener]
) -> Listener:
    completed, deleted, ended = apart
    notes, keys, flush = stream.journal, stream.keys, stream.flush
    write, unusual, enveloped = notes.extend, stream.unusual, stream.enveloped
    seen_before, entered = queue.seen_before, queue.entered

    def visited(now: int, delivery: Delivery) -> None:
        copy, message, received = delivery.copy, delivery.message, delivery.received_ns
        if copy.completions != 1 or copy.fate or seen_before or entered:
            completed(now, delivery)
            deleted(now, delivery)
            ended(now, now - received, "ok")
            return
        kind = message.__class__
        if kind is Message:
            what = 0 if message.tries == 1 else RESENT
        elif kind in enveloped:
            what = 0 if message.published.tries == 1 else RESENT  # type: ignore[attr-defined]
        else:
            what = unusual(message)
        born, rank, number, key = message.born_ns, message.rank, message.number, keys[message.key]
        whom = consumer + VISIT * copy.starts
        write(pack(now, born, copy.arrived_ns, received, rank, number, key, what, whom))
        if len(notes) >= FULL:
            flush()

    return visited

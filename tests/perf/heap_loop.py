"""Workload F as a loop over a heap, written by hand: about as fast as plain Python can be.

One event per arrival, hop and end of service. Timeouts are constant, so that the deadlines of a
queue are first in, first out: they lie in a deque behind one alarm, which skips what was deleted.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Any

from tests.perf.workload import (
    MAX_RECEIVES,
    QUEUES,
    VISIBILITY_S,
    WORKERS,
    Chance,
    Copy,
    Message,
    Outputs,
)

ARRIVAL, HOP, END, ALARM = range(4)


class Queue:
    """A queue and its pool of workers."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.waiting: deque[Copy] = deque()
        self.deadlines: deque[tuple[float, Copy]] = deque()
        self.armed = False
        self.idle = WORKERS
        self.outputs = Outputs()


class Loop:
    """The heap, and what happens when an event comes up."""

    def __init__(self, messages: int, seed: int) -> None:
        self.messages = messages
        self.published = 0
        self.chance = Chance(seed)
        self.queues = [Queue(number) for number in range(QUEUES)]
        self.heap: list[tuple[float, int, int, Any, Any]] = []
        self.pushed = 0
        self.alarms = 0

    def push(self, time: float, kind: int, queue: Queue | None, copy: Copy | None) -> None:
        heappush(self.heap, (time, self.pushed, kind, queue, copy))
        self.pushed += 1

    def run(self) -> None:
        self.push(self.chance.gap(), ARRIVAL, None, None)
        self.handle()

    def handle(self) -> None:
        heap = self.heap
        while heap:
            now, _, kind, queue, copy = heappop(heap)
            if kind == END:
                self.end(now, queue, copy)
            elif kind == HOP:
                queue.outputs.arrived(now, copy)
                queue.waiting.append(copy)
                self.serve(now, queue)
            elif kind == ARRIVAL:
                self.publish(now)
            else:
                self.alarm(now, queue)

    def publish(self, now: float) -> None:
        message = Message(self.published, now)
        self.published += 1
        for queue in self.queues:
            self.push(now + self.chance.hop(), HOP, queue, Copy(message))
        if self.published < self.messages:
            self.push(now + self.chance.gap(), ARRIVAL, None, None)

    def serve(self, now: float, queue: Queue) -> None:
        while queue.idle and queue.waiting:
            copy = queue.waiting.popleft()
            if copy.receives == MAX_RECEIVES:
                queue.outputs.moved(now, copy)
                continue
            copy.receives += 1
            queue.outputs.received(now, copy)
            queue.idle -= 1
            queue.deadlines.append((now + VISIBILITY_S, copy))
            if not queue.armed:
                self.arm(queue)
            self.push(now + self.chance.service(queue.number), END, queue, copy)

    def end(self, now: float, queue: Queue, copy: Copy) -> None:
        queue.idle += 1
        if self.chance.fails(queue.number):
            queue.outputs.failed += 1
        else:
            copy.deleted = True
            queue.outputs.completed(now, copy)
        self.serve(now, queue)

    def arm(self, queue: Queue) -> None:
        queue.armed = True
        self.alarms += 1
        self.push(queue.deadlines[0][0], ALARM, queue, None)

    def alarm(self, now: float, queue: Queue) -> None:
        queue.armed = False
        deadlines = queue.deadlines
        while deadlines and (deadlines[0][1].deleted or deadlines[0][0] <= now):
            _, copy = deadlines.popleft()
            if not copy.deleted:
                queue.outputs.returned(now)
                queue.waiting.append(copy)
        if deadlines:
            self.arm(queue)
        self.serve(now, queue)


def run(messages: int, seed: int) -> dict[str, Any]:
    """Simulate until the last message has found its end.

    Returns the number of events that went through the heap, how many of them were alarms, and the
    outputs of each queue.
    """
    loop = Loop(messages, seed)
    loop.run()
    return {
        "heap_events": loop.pushed,
        "alarms": loop.alarms,
        "queues": [queue.outputs.summary() for queue in loop.queues],
    }

"""Workload F in batches of ten both ways, overloaded: as a SimPy textbook, and as a loop by hand.

Ten messages are published at once, ten times as fast as they are worked; each takes a hop of its
own. A worker receives up to ten, works them in turn and deletes them together at the end. What is
kept of each queue is what workload F keeps; a copy counts as in flight until it is done.
"""

from __future__ import annotations

from typing import Any

import simpy

from tests.perf import heap_loop
from tests.perf.idiomatic import deliver, visibility_timer
from tests.perf.workload import (
    ARRIVALS_PER_S,
    MAX_RECEIVES,
    QUEUES,
    VISIBILITY_S,
    WORKERS,
    Chance,
    Copy,
    Message,
    Outputs,
)

BATCH = 10


def publisher(env, stores, outputs, messages, chance):
    for first in range(0, messages, BATCH):
        yield env.timeout(1 / ARRIVALS_PER_S)
        for number in range(first, min(first + BATCH, messages)):
            message = Message(number, env.now)
            for store, output in zip(stores, outputs, strict=True):
                env.process(deliver(env, store, output, Copy(message), chance.hop()))


def consumer(env, queue, store, output, chance):
    while True:
        received = [(yield store.get())]
        while store.items and len(received) < BATCH:
            received.append((yield store.get()))
        held = []
        for copy in received:
            if copy.receives == MAX_RECEIVES:
                output.moved(env.now, copy)
                continue
            copy.receives += 1
            output.received(env.now, copy)
            held.append((copy, env.process(visibility_timer(env, store, output, copy))))
        deleted = []
        for copy, timer in held:
            yield env.timeout(chance.service(queue))
            if chance.fails(queue):
                output.failed += 1
                continue
            output.completed(env.now, copy)
            deleted.append(timer)
        for timer in deleted:
            timer.interrupt()


def run_idiomatic(messages: int, seed: int) -> dict[str, Any]:
    """Simulate with processes and stores."""
    env = simpy.Environment()
    chance = Chance(seed)
    stores = [simpy.Store(env) for _ in range(QUEUES)]
    outputs = [Outputs() for _ in range(QUEUES)]
    env.process(publisher(env, stores, outputs, messages, chance))
    for queue, (store, output) in enumerate(zip(stores, outputs, strict=True)):
        for _ in range(WORKERS):
            env.process(consumer(env, queue, store, output, chance))
    env.run()
    return {"heap_events": next(env._eid), "queues": [output.summary() for output in outputs]}


class Loop(heap_loop.Loop):
    """The loop over a heap, with batches: one event per batch published, hop and end of service."""

    def publish(self, now: float) -> None:
        chance, push = self.chance, self.push
        last = min(self.published + BATCH, self.messages)
        for number in range(self.published, last):
            message = Message(number, now)
            for queue in self.queues:
                push(now + chance.hop(), heap_loop.HOP, queue, Copy(message))
        self.published = last
        if last < self.messages:
            push(now + 1 / ARRIVALS_PER_S, heap_loop.ARRIVAL, None, None)

    def serve(self, now: float, queue: heap_loop.Queue) -> None:
        while queue.idle and queue.waiting:
            batch = []
            for _ in range(min(BATCH, len(queue.waiting))):
                copy = queue.waiting.popleft()
                if copy.receives == MAX_RECEIVES:
                    queue.outputs.moved(now, copy)
                    continue
                copy.receives += 1
                queue.outputs.received(now, copy)
                queue.deadlines.append((now + VISIBILITY_S, copy))
                batch.append(copy)
            if batch:
                queue.idle -= 1
                if not queue.armed:
                    self.arm(queue)
                self.begin(now, queue, (batch, 0, []))

    def begin(self, now: float, queue: heap_loop.Queue, work: Any) -> None:
        self.push(now + self.chance.service(queue.number), heap_loop.END, queue, work)

    def end(self, now: float, queue: heap_loop.Queue, work: Any) -> None:
        batch, position, done = work
        if self.chance.fails(queue.number):
            queue.outputs.failed += 1
        else:
            queue.outputs.completed(now, batch[position])
            done.append(batch[position])
        if position + 1 < len(batch):
            self.begin(now, queue, (batch, position + 1, done))
            return
        for copy in done:
            copy.deleted = True
        queue.idle += 1
        self.serve(now, queue)


def run_by_hand(messages: int, seed: int) -> dict[str, Any]:
    """Simulate with the loop."""
    loop = Loop(messages, seed)
    loop.push(1 / ARRIVALS_PER_S, heap_loop.ARRIVAL, None, None)
    loop.handle()
    return {
        "heap_events": loop.pushed,
        "queues": [queue.outputs.summary() for queue in loop.queues],
    }

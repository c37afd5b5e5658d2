"""Workload F as a SimPy textbook would write it.

A process per consumer, a `Store` per queue, a process per hop and a timer process per receive.
"""

from __future__ import annotations

from typing import Any

import simpy

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


def publisher(env, stores, outputs, messages, chance):
    for number in range(messages):
        yield env.timeout(chance.gap())
        message = Message(number, env.now)
        for store, output in zip(stores, outputs, strict=True):
            env.process(deliver(env, store, output, Copy(message), chance.hop()))


def deliver(env, store, output, copy, delay):
    yield env.timeout(delay)
    output.arrived(env.now, copy)
    yield store.put(copy)


def visibility_timer(env, store, output, copy):
    try:
        yield env.timeout(VISIBILITY_S)
    except simpy.Interrupt:
        return
    output.returned(env.now)
    yield store.put(copy)


def consumer(env, queue, store, output, chance):
    while True:
        copy = yield store.get()
        if copy.receives == MAX_RECEIVES:
            output.moved(env.now, copy)
            continue
        copy.receives += 1
        output.received(env.now, copy)
        timer = env.process(visibility_timer(env, store, output, copy))
        yield env.timeout(chance.service(queue))
        if chance.fails(queue):
            output.failed += 1
            continue
        output.completed(env.now, copy)
        timer.interrupt()


def run(messages: int, seed: int) -> dict[str, Any]:
    """Simulate until the last message has found its end.

    Returns the number of events that went through SimPy's heap, and the outputs of each queue.
    """
    env = simpy.Environment()
    chance = Chance(seed)
    stores = [simpy.Store(env) for _ in range(QUEUES)]
    outputs = [Outputs() for _ in range(QUEUES)]
    env.process(publisher(env, stores, outputs, messages, chance))
    for queue, (store, output) in enumerate(zip(stores, outputs, strict=True)):
        for _ in range(WORKERS):
            env.process(consumer(env, queue, store, output, chance))
    env.run()
    # Every event takes the next number when it is put on the heap.
    return {"heap_events": next(env._eid), "queues": [output.summary() for output in outputs]}

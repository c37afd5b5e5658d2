"""Workload F in Ciw, as far as it goes: three queues in parallel, without SQS's own behaviour.

Ciw knows customers, servers and queues, but neither copies of a message nor visibility timeouts,
so that the fork is three arrival processes of their own and nothing fails or comes back.
"""

from __future__ import annotations

from typing import Any

import ciw

from tests.perf.workload import ARRIVALS_PER_S, MEAN_SERVICE_S, QUEUES, WORKERS


def run(messages: int, seed: int) -> dict[str, Any]:
    """Simulate about so many messages at each of three queues; Ciw's events are not counted."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(ARRIVALS_PER_S) for _ in range(QUEUES)],
        service_distributions=[ciw.dists.Exponential(1 / MEAN_SERVICE_S) for _ in range(QUEUES)],
        routing=[[0.0] * QUEUES for _ in range(QUEUES)],
        number_of_servers=[WORKERS] * QUEUES,
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(messages / ARRIVALS_PER_S)
    return {"heap_events": None, "records": len(simulation.get_all_records())}

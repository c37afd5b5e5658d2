"""Closed forms of queueing theory, to set beside a simulation: `ms.theory`.

Every function takes rates per second and times in seconds by name, refuses what is outside its
domain with a ValueError, and names its source. `explain theory` is the page.
"""

from __future__ import annotations

from msgsim.experiment.theory.batches import Batching, BulkStation, bulk_service, size_or_time
from msgsim.experiment.theory.general import Bounds, gg1, ggc, md1, mg1
from msgsim.experiment.theory.networks import ForkJoin, Tandem, fork_join, little, tandem
from msgsim.experiment.theory.stations import (
    MarkovStation,
    Station,
    erlang_b,
    erlang_c,
    mm1,
    mmc,
)
from msgsim.experiment.theory.token_bucket import (
    Throttle,
    token_bucket_delay,
    token_bucket_loss,
)

__all__ = [
    "Batching",
    "Bounds",
    "BulkStation",
    "ForkJoin",
    "MarkovStation",
    "Station",
    "Tandem",
    "Throttle",
    "bulk_service",
    "erlang_b",
    "erlang_c",
    "fork_join",
    "gg1",
    "ggc",
    "little",
    "md1",
    "mg1",
    "mm1",
    "mmc",
    "size_or_time",
    "tandem",
    "token_bucket_delay",
    "token_bucket_loss",
]

"""SQS queues, standard and FIFO."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.distributions import Exponential
from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.service import Context, Service
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.billing import meter
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from msgsim.services.sqs_queue.partitions import Partitions
from msgsim.services.sqs_queue.redrive import FIRST_NUMBER
from msgsim.services.sqs_queue.rules import PAGE
from msgsim.services.sqs_queue.spec import CODES, QueueSpec, check
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from msgsim.services.sqs_queue.tenants import fair_rules
from msgsim.units import duration_ns

KIND = "sqs.queue"


def build(name: str, spec: QueueSpec, context: Context) -> Component:
    """Make the queue that the spec describes."""
    common: dict[str, Any] = {
        "visibility_ns": spec.VisibilityTimeout * NS_PER_S,
        "delay_ns": spec.DelaySeconds * NS_PER_S,
        "retention_ns": spec.MessageRetentionPeriod * NS_PER_S,
        "max_receives": spec.RedrivePolicy.maxReceiveCount if spec.RedrivePolicy else None,
        "in_flight_limit": PAGE.quota("in_flight_messages"),
    }
    queue = (_fifo if spec.FifoQueue else _standard)(name, spec, context, common)
    queue.max_message_bytes = spec.MaximumMessageSize
    if "ReceiveMessageWaitTimeSeconds" in spec.model_fields_set:
        queue.default_wait_ns = spec.ReceiveMessageWaitTimeSeconds * NS_PER_S
    queue.next_number = context.shared.setdefault("sqs.moved", count(FIRST_NUMBER)).__next__
    if spec.RedriveAllowPolicy is not None:
        policy = spec.RedriveAllowPolicy
        queue.set_allow_policy(policy.redrivePermission, policy.sourceQueueArns)
    return queue


def _fifo(name: str, spec: QueueSpec, context: Context, common: dict[str, Any]) -> FifoQueue:
    state = FifoState(
        scope=spec.DeduplicationScope or "queue",
        content_based=bool(spec.ContentBasedDeduplication),
        scan_window=PAGE.quota("scan_window"),
        **common,
    )
    if spec.FifoThroughputLimit == "perMessageGroupId":
        return FifoQueue(context.sim, name, state, partitions=_partitions(context))
    quota = PAGE.quota("fifo_calls_per_s")
    return FifoQueue(context.sim, name, state, lambda action: TokenBucket(quota, quota))


def _partitions(context: Context) -> Partitions:
    table = PAGE.quota("high_throughput_calls_per_s")
    return Partitions(
        PAGE.quota("partition_calls_per_s"),
        table.get(context.account.Region, table["elsewhere"]),
        int(context.assumption(KIND, "first_partitions")),
        duration_ns(str(context.assumption(KIND, "split_after"))),
        float(context.assumption(KIND, "split_load")),
    )


def _standard(
    name: str, spec: QueueSpec, context: Context, common: dict[str, Any]
) -> StandardQueue:
    sim = context.sim
    hosts = int(context.assumption(KIND, "hosts"))
    missed = float(context.assumption(KIND, "missed_delete_share"))
    delay_ns = duration_ns(str(context.assumption(KIND, "missed_delete_delay")))
    state = StandardState(
        host_count=hosts,
        pick_host=sim.integers(name, "host", hosts).at,
        visit_order=sim.permutations(name, "visit order", hosts).draw,
        **common,
    )
    return StandardQueue(
        sim,
        name,
        state,
        hosts_asked=int(context.assumption(KIND, "short_poll_hosts")),
        missed_deletes=sim.gaps(name, "missed deletes", missed),
        ghost_delay=sim.times(name, "missed delete delay", Exponential(delay_ns)),
        rules=lambda: fair_rules(partial(context.assumption, KIND)),
    )


def connect(queue: Queue, spec: QueueSpec, context: Context) -> None:
    """Find the dead-letter queue."""
    if spec.RedrivePolicy is not None:
        found = context.find(spec.RedrivePolicy.deadLetterTargetArn)
        assert isinstance(found, Queue)
        queue.dead_letter_queue = found


SERVICE = Service(
    kind=KIND,
    spec=QueueSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    codes=CODES,
    meter=meter,
)

"""What the account knows of a Kinesis stream beyond its component, and how errors get out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import ACCOUNT, EPOCH_S
from msgsim.kernel.simulation import NS_PER_S
from msgsim.kernel.waiting import TokenBucket
from msgsim.services.kinesis.control import ON_DEMAND
from msgsim.services.kinesis.limits import KinesisError
from msgsim.services.kinesis.sequence import read_shard, shown_sequence, shown_shard
from msgsim.services.kinesis.shard import Shard
from msgsim.services.kinesis.spec import PAGE
from msgsim.services.kinesis.stream import Stream

Parameters = Mapping[str, Any]


@dataclass(eq=False)
class ConsumerEntry:
    """A registered consumer.

    Attributes:
        created_ns, active_ns: when it was registered, and when it can subscribe.
        subscriptions: by shard, when it last subscribed and what ends that subscription.
    """

    name: str
    arn: str
    stream: StreamEntry
    created_ns: int
    active_ns: int
    subscriptions: dict[int, Any] = field(default_factory=dict)


@dataclass(eq=False)
class StreamEntry:
    """A stream: its names, its component and its registered consumers.

    Attributes:
        warm_mibps: the warm throughput asked for, or None.
    """

    name: str
    arn: str
    stream: Stream
    created_ns: int
    warm_mibps: int | None = None
    consumers: dict[str, ConsumerEntry] = field(default_factory=dict)
    calls: dict[str, TokenBucket] = field(default_factory=dict)

    @property
    def hours(self) -> int:
        """The retention period."""
        return self.stream.retention_ns // (3600 * NS_PER_S)

    @property
    def on_demand(self) -> bool:
        """Whether it is on-demand."""
        return self.stream.control.mode == ON_DEMAND

    def shard(self, text: str) -> Shard:
        """Return the shard of an id.

        Raises:
            KinesisError: there is none.
        """
        shards = self.stream.state.shards
        found = shards[read_shard(text, len(shards))]
        if found.expired(self.stream.sim.now, self.stream.retention_ns):
            read_shard(text, 0)
        return found


@contextmanager
def answered() -> Iterator[None]:
    """Turn what the component refuses into what boto3 raises."""
    try:
        yield
    except KinesisError as error:
        raise Refused(error.code, error.message) from None


def stream_of(account: Account, p: Parameters) -> StreamEntry:
    """Return the stream that a call names by name or ARN.

    Raises:
        Refused: it names none, or there is no such stream.
    """
    text = p.get("StreamName") or p.get("StreamARN")
    if text is None:
        raise Refused("InvalidArgumentException", "Either StreamName or StreamARN is needed.")
    name = text.rsplit("/", 1)[-1] if text.startswith("arn:") else text
    found = account.streams.get(name)
    if found is None or (text.startswith("arn:") and text != found.arn):
        raise Refused(
            "ResourceNotFoundException", f"Stream {name} under account {ACCOUNT} not found."
        )
    entry: StreamEntry = found
    return entry


def ration(calls: dict[str, TokenBucket], call: str, quota: str, now: int) -> None:
    """Take one call of a control-plane quota of the page.

    Raises:
        Refused: the quota is used up for this second.
    """
    per_s = PAGE.quota(quota)
    if not calls.setdefault(call, TokenBucket(per_s, per_s, now)).take(now):
        message = f"Rate exceeded: more than {per_s} {call} calls per second."
        raise Refused("LimitExceededException", message)


def nanoseconds(value: datetime | float) -> int:
    """Return the virtual time of a timestamp; one before the beginning is time zero."""
    seconds = value.timestamp() if isinstance(value, datetime) else float(value)
    return max(0, round((seconds - EPOCH_S) * NS_PER_S))


def shown(shard: Shard) -> dict[str, Any]:
    """Return a shard as boto3 shows it."""
    numbers = {"StartingSequenceNumber": shown_sequence(shard.index, shard.first_sequence)}
    if shard.last_sequence is not None:
        numbers["EndingSequenceNumber"] = shown_sequence(shard.index, shard.last_sequence)
    found: dict[str, Any] = {
        "ShardId": shard.shard_id,
        "HashKeyRange": shown_range(shard),
        "SequenceNumberRange": numbers,
    }
    names = ("ParentShardId", "AdjacentParentShardId")
    for name, parent in zip(names, shard.parents, strict=False):
        found[name] = shown_shard(parent)
    return found


def shown_range(shard: Shard) -> dict[str, str]:
    """Return a shard's hash range as boto3 shows it."""
    return {
        "StartingHashKey": str(shard.hash_range.start),
        "EndingHashKey": str(shard.hash_range.end),
    }


def child_shards(entry: StreamEntry, shard: Shard) -> list[dict[str, Any]]:
    """Return `ChildShards` of a shard that was read to its end."""
    shards = entry.stream.state.shards
    return [
        {
            "ShardId": shown_shard(child),
            "ParentShards": [shown_shard(parent) for parent in shards[child].parents],
            "HashKeyRange": shown_range(shards[child]),
        }
        for child in shard.children
    ]

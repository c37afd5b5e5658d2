"""Kinesis operations on registered consumers (enhanced fan-out): register, list, subscribe."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import moment
from msgsim.cloud.kinesis_entries import (
    ConsumerEntry,
    Parameters,
    StreamEntry,
    answered,
    child_shards,
    ration,
    stream_of,
)
from msgsim.cloud.kinesis_records import position_of, shown_record
from msgsim.cloud.paging import page
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.sequence import shown_sequence
from msgsim.services.kinesis.shard import Shard
from msgsim.services.kinesis.spec import PAGE
from msgsim.units import duration_ns

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud

IN_USE, LIMIT, ABSENT = (
    "ResourceInUseException",
    "LimitExceededException",
    "ResourceNotFoundException",
)
LIFETIME_NS = duration_ns(str(PAGE.quota("subscription_lifetime")))
TAKE_OVER_NS = duration_ns(str(PAGE.quota("subscribe_take_over")))
UNLIMITED = 1 << 30


class EventStream:
    """The events of one subscription: iterating lets virtual time pass until the next one comes.

    It ends after five minutes, at the end of the shard, or when another subscription takes over.
    `poll()` returns what has come so far and lets no time pass.
    """

    def __init__(self, cloud: Cloud, entry: StreamEntry, shard: Shard) -> None:
        self._cloud = cloud
        self._entry = entry
        self._shard = shard
        self._inbox: deque[dict[str, Any]] = deque()
        self._subscription: Any = None
        self.open = True

    def begin(self, subscription: Any) -> None:
        """Say what pushes, and let it."""
        self._subscription = subscription
        subscription.wake()

    def take(self, records: list[StoredRecord], following: int, ended: bool) -> None:
        """Receive one event."""
        log, index = self._shard.log, self._shard.index
        now = self._entry.stream.sim.now
        behind = 0
        if records and following < log.end:
            behind = max(1, (now - records[-1].arrival_ns) // 1_000_000)
        event: dict[str, Any] = {
            "Records": [shown_record(index, record) for record in records],
            "MillisBehindLatest": behind,
        }
        if records:
            last = records[-1].sequence_number
            event["ContinuationSequenceNumber"] = shown_sequence(index, last)
        if ended:
            event["ChildShards"] = child_shards(self._entry, self._shard)
        self._inbox.append({"SubscribeToShardEvent": event})
        if ended:
            self.close()

    def poll(self) -> list[dict[str, Any]]:
        """Return the events that have come, and forget them."""
        found = list(self._inbox)
        self._inbox.clear()
        return found

    def close(self) -> None:
        """End the subscription."""
        self.open = False
        if self._subscription is not None:
            self._subscription.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        """Return the next event, letting virtual time pass until it is there."""
        self._cloud.wait(lambda: bool(self._inbox) or not self.open)
        if not self._inbox:
            raise StopIteration
        return self._inbox.popleft()


class ConsumerOperations:
    """What can be done to registered consumers."""

    def __init__(self, cloud: Cloud, account: Account) -> None:
        self._cloud = cloud
        self._account = account

    def register_stream_consumer(self, p: Parameters) -> dict[str, Any]:
        """Register a consumer; it can subscribe when it has become ACTIVE."""
        entry = stream_of(self._account, p)
        name, now = p["ConsumerName"], self._account.sim.now
        ration(entry.calls, "RegisterStreamConsumer", "registrations_per_s", now)
        if name in entry.consumers:
            raise Refused(IN_USE, f"Consumer {name} of stream {entry.name} already exists.")
        creating = sum(each.active_ns > now for each in entry.consumers.values())
        if creating >= PAGE.quota("registering_at_once"):
            raise Refused(LIMIT, f"{creating} consumers are being created already.")
        advantage = entry.on_demand and entry.warm_mibps is not None
        most = PAGE.quota("registered_advantage" if advantage else "registered")
        if len(entry.consumers) >= most:
            raise Refused(LIMIT, f"A stream has at most {most} registered consumers.")
        time_ns = duration_ns(str(self._account.assumption("kinesis.stream", "registration_time")))
        arn = f"{entry.arn}/consumer/{name}:{self._account.now_s}"
        consumer = ConsumerEntry(name, arn, entry, now, now + time_ns)
        entry.consumers[name] = consumer
        entry.stream.register_fan_out(name)
        return {"Consumer": self._shown(consumer)}

    def deregister_stream_consumer(self, p: Parameters) -> None:
        """Remove a consumer; its subscriptions end."""
        consumer = self._consumer(p)
        for _, events in consumer.subscriptions.values():
            events.close()
        del consumer.stream.consumers[consumer.name]

    def describe_stream_consumer(self, p: Parameters) -> dict[str, Any]:
        """Return a consumer."""
        consumer = self._consumer(p)
        shown = {**self._shown(consumer), "StreamARN": consumer.stream.arn}
        return {"ConsumerDescription": shown}

    def list_stream_consumers(self, p: Parameters) -> dict[str, Any]:
        """Return the consumers of a stream."""
        entry = stream_of(self._account, p)
        listed = [self._shown(each) for each in entry.consumers.values()]
        return page("Consumers", listed, p, 100)

    def subscribe_to_shard(self, p: Parameters) -> dict[str, Any]:
        """Have a shard pushed for five minutes; `EventStream` is iterated, or polled."""
        consumer = self._consumer(p)
        entry, now = consumer.stream, self._account.sim.now
        if consumer.active_ns > now:
            raise Refused(IN_USE, f"Consumer {consumer.name} is not ACTIVE.")
        start = p["StartingPosition"]
        with answered():
            shard = entry.shard(p["ShardId"])
            self._make_room(consumer, shard.index, now)
            position = position_of(
                entry, shard, start["Type"], start.get("SequenceNumber"), start.get("Timestamp")
            )
        events = EventStream(self._cloud, entry, shard)
        events.begin(
            entry.stream.subscribe(consumer.name, shard.index, position, events.take, UNLIMITED)
        )
        consumer.subscriptions[shard.index] = (now, events)
        self._account.sim.after(LIFETIME_NS, events.close)
        return {"EventStream": events}

    def _make_room(self, consumer: ConsumerEntry, shard: int, now: int) -> None:
        """Let a new subscription take over from one that is five seconds old, else refuse it."""
        at_ns, events = consumer.subscriptions.get(shard, (None, None))
        if at_ns is None:
            return
        if now - at_ns < NS_PER_S:
            raise Refused(LIMIT, "SubscribeToShard: one call per second, consumer and shard.")
        if events.open and now - at_ns < TAKE_OVER_NS:
            raise Refused(IN_USE, "Another subscription to this shard is less than 5 s old.")
        events.close()

    def _consumer(self, p: Parameters) -> ConsumerEntry:
        arn = p.get("ConsumerARN")
        if arn is None and "ConsumerName" not in p:
            raise Refused("InvalidArgumentException", "ConsumerARN or ConsumerName is needed.")
        if arn is None:
            found = stream_of(self._account, p).consumers.get(p["ConsumerName"])
        else:
            everyone = (
                consumer
                for entry in self._account.streams.values()
                for consumer in entry.consumers.values()
            )
            found = next((consumer for consumer in everyone if consumer.arn == arn), None)
        if found is None:
            raise Refused(ABSENT, f"Consumer {arn or p['ConsumerName']} not found.")
        return found

    def _shown(self, consumer: ConsumerEntry) -> dict[str, Any]:
        active = consumer.active_ns <= self._account.sim.now
        return {
            "ConsumerName": consumer.name,
            "ConsumerARN": consumer.arn,
            "ConsumerStatus": "ACTIVE" if active else "CREATING",
            "ConsumerCreationTimestamp": moment(consumer.created_ns),
        }

"""Kinesis operations on records: put, shard iterators, get."""

from __future__ import annotations

import base64
import json
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import ACCOUNT, as_bytes, moment
from msgsim.cloud.kinesis_entries import (
    Parameters,
    StreamEntry,
    answered,
    child_shards,
    nanoseconds,
    stream_of,
)
from msgsim.services.kinesis.limits import THROTTLED
from msgsim.services.kinesis.record_log import StoredRecord
from msgsim.services.kinesis.sequence import read_sequence, shown_sequence, shown_shard
from msgsim.services.kinesis.shard import PutResult, Shard
from msgsim.services.kinesis.shards import PutEntry
from msgsim.services.kinesis.spec import PAGE
from msgsim.units import duration_ns

ARGUMENT, INVALID = "InvalidArgumentException", "ValidationException"
WITHOUT_NUMBER = ("TRIM_HORIZON", "LATEST")
WITH_NUMBER = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")
LIFETIME_NS = duration_ns(str(PAGE.quota("iterator_lifetime")))


class RecordOperations:
    """What can be done with records."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # Writing -------------------------------------------------------------------------------

    def put_record(self, p: Parameters) -> dict[str, Any]:
        """Write one record."""
        entry = stream_of(self._account, p)
        ordering = p.get("SequenceNumberForOrdering")
        if ordering is not None and not ordering.isdecimal():
            raise Refused(ARGUMENT, f"SequenceNumberForOrdering is {ordering[:60]!r}")
        with answered():
            (result,) = self._put(entry, [p], single=True)
        if result.error is not None:
            raise Refused(result.error, _throttled(entry, result.shard_index))
        return _stored(result)

    def put_records(self, p: Parameters) -> dict[str, Any]:
        """Write up to 500 records; each is stored or refused on its own."""
        entry = stream_of(self._account, p)
        with answered():
            results = self._put(entry, p["Records"])
        shown = [
            _stored(each)
            if each.error is None
            else {"ErrorCode": each.error, "ErrorMessage": _throttled(entry, each.shard_index)}
            for each in results
        ]
        failed = sum(each.error is not None for each in results)
        return {"FailedRecordCount": failed, "Records": shown}

    def _put(
        self, entry: StreamEntry, given: list[Parameters], single: bool = False
    ) -> list[PutResult]:
        """Put records, and let each know where it is."""
        entries = [self._entry(entry, each) for each in given]
        results = entry.stream.put(entries, single)
        for each, result in zip(entries, results, strict=True):
            if result.ok:
                each.payload.stored(result)
        return results

    def _entry(self, entry: StreamEntry, p: Parameters) -> PutEntry:
        key = p.get("PartitionKey")
        if key is None:
            if not entry.stream.state.spread:
                raise Refused(ARGUMENT, "PartitionKey is needed unless records are spread (AUTO).")
            key = "-"
        data = as_bytes(p["Data"])
        record = self._account.record(entry.name, key, data)
        return PutEntry(key, len(data), record, p.get("ExplicitHashKey"))

    # Reading -------------------------------------------------------------------------------

    def get_shard_iterator(self, p: Parameters) -> dict[str, Any]:
        """Return where to read next, good for five minutes."""
        entry = stream_of(self._account, p)
        now = self._account.sim.now
        with answered():
            shard = entry.shard(p["ShardId"])
            if not shard.iterator_tokens.take(now):
                raise Refused(THROTTLED, f"Rate exceeded for {shard.shard_id}.")
            position = position_of(
                entry,
                shard,
                p["ShardIteratorType"],
                p.get("StartingSequenceNumber"),
                p.get("Timestamp"),
            )
        return {"ShardIterator": self._iterator(entry, shard.index, position)}

    def get_records(self, p: Parameters) -> dict[str, Any]:
        """Return the records at an iterator, and the next iterator; none at the end of a shard."""
        entry, shard, position = self._read_iterator(p["ShardIterator"])
        if entry.stream.down:
            raise Refused("InternalFailure", "the service is not available")
        now, state = self._account.sim.now, entry.stream.state
        with answered():
            found = state.get_records(now, shard.index, position, p.get("Limit"))
        if found.error is not None:
            raise Refused(found.error, _throttled(entry, shard.index))
        response: dict[str, Any] = {
            "Records": [shown_record(shard.index, record) for record in found.records],
            "MillisBehindLatest": found.millis_behind,
        }
        if found.next_position is None:
            response["ChildShards"] = child_shards(entry, shard)
        else:
            response["NextShardIterator"] = self._iterator(entry, shard.index, found.next_position)
        return response

    def _iterator(self, entry: StreamEntry, shard: int, position: int) -> str:
        """Return an opaque text: which stream, shard and position, and when it was issued."""
        text = json.dumps([entry.name, entry.created_ns, shard, position, self._account.sim.now])
        return base64.b64encode(text.encode()).decode()

    def _read_iterator(self, text: str) -> tuple[StreamEntry, Shard, int]:
        try:
            parts = json.loads(base64.b64decode(text))
        except (ValueError, RecursionError):
            parts = None
        if not isinstance(parts, list) or [*map(type, parts)] != [str, int, int, int, int]:
            raise Refused(ARGUMENT, "Invalid ShardIterator.")
        name, created_ns, shard, position, issued_ns = parts
        entry = stream_of(self._account, {"StreamName": name})
        if entry.created_ns != created_ns:
            raise Refused("ResourceNotFoundException", f"Stream {name} was deleted.")
        shards = entry.stream.state.shards
        if not 0 <= shard < len(shards) or position < 0:
            raise Refused(ARGUMENT, "Invalid ShardIterator.")
        if self._account.sim.now - issued_ns > LIFETIME_NS:
            raise Refused(
                "ExpiredIteratorException",
                f"Iterator expired: it was issued at {moment(issued_ns)}, it is now "
                f"{moment(self._account.sim.now)}, and iterators are good for 300 s.",
            )
        return entry, shards[shard], position


def position_of(
    entry: StreamEntry, shard: Shard, kind: str, sequence: str | None, timestamp: Any
) -> int:
    """Return the position of a starting point in a shard.

    Raises:
        Refused: the type is unknown.
        KinesisError: its companion is missing, or no sequence number of the shard.
    """
    if kind not in (*WITHOUT_NUMBER, *WITH_NUMBER, "AT_TIMESTAMP"):
        raise Refused(INVALID, f"the type of a starting position is {kind!r}")
    number = None
    if kind in WITH_NUMBER and sequence is not None:
        number = read_sequence(sequence, shard.index)
    at_ns = None if timestamp is None else nanoseconds(timestamp)
    if at_ns is not None and at_ns > entry.stream.sim.now:
        raise Refused(ARGUMENT, "The timestamp cannot be in the future.")
    return entry.stream.state.position_for(
        entry.stream.sim.now,
        shard.index,
        kind,  # type: ignore[arg-type]
        sequence_number=number,
        timestamp_ns=at_ns,
    )


def shown_record(shard: int, record: StoredRecord) -> dict[str, Any]:
    """Return a record as boto3 shows it."""
    return {
        "SequenceNumber": shown_sequence(shard, record.sequence_number),
        "ApproximateArrivalTimestamp": moment(record.arrival_ns // 1_000_000 * 1_000_000),
        "Data": record.payload.data,
        "PartitionKey": record.partition_key,
    }


def _stored(result: Any) -> dict[str, Any]:
    return {
        "ShardId": shown_shard(result.shard_index),
        "SequenceNumber": shown_sequence(result.shard_index, result.sequence_number),
    }


def _throttled(entry: StreamEntry, shard: int) -> str:
    return (
        f"Rate exceeded for shard {shown_shard(shard)} in stream {entry.name} under account "
        f"{ACCOUNT}."
    )

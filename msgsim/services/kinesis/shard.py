"""One Kinesis shard: a pair of token buckets in front of a log, and its rations for readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgsim.kernel.waiting import TokenBucket
from msgsim.services.kinesis.hash_keys import HashRange
from msgsim.services.kinesis.limits import SECOND_NS, THROTTLED, ShardLimits
from msgsim.services.kinesis.record_log import RecordLog, StoredRecord
from msgsim.services.kinesis.sequence import shown_shard


class PutResult(NamedTuple):
    """What became of one record.

    Attributes:
        ok: whether it was stored.
        shard_index: the shard it went to, or was throttled by.
        sequence_number: given when stored, else None.
        error: AWS's error code when not stored, else None.
    """

    ok: bool
    shard_index: int
    sequence_number: int | None
    error: str | None


class GetResult(NamedTuple):
    """The answer to a GetRecords call; it may be empty.

    Attributes:
        records: in sequence-number order.
        next_position: where to read next (NextShardIterator), None at the end of a closed shard.
        millis_behind: MillisBehindLatest; 0 = caught up.
        error: AWS's error code when refused, else None; the position then stays.
        expired: records between the position and the first one returned that are no longer kept.
    """

    records: list[StoredRecord]
    next_position: int | None
    millis_behind: int
    error: str | None
    expired: int


class Shard:
    """One shard: a range of hash keys, a log of records, and its rations.

    Attributes:
        index: its number in the stream, never used again.
        hash_range: the hash keys it serves while open.
        open: whether it takes records; a closed one can still be read.
        log: its records.
        parents: indexes of the shards it came from by a split or a merge.
        children: indexes of the shards that came from it.
        opened_ns, closed_ns: when it began and ceased to take records; None while it does.
        first_sequence, last_sequence: ends of its SequenceNumberRange; None while open.
        bytes_in, records_in: all that was ever stored, for whoever watches its load.
        subscriptions: those pushed to (enhanced fan-out), told of every record stored.
    """

    __slots__ = (
        "_limits",
        "byte_tokens",
        "bytes_in",
        "call_tokens",
        "children",
        "closed_ns",
        "first_sequence",
        "hash_range",
        "index",
        "iterator_tokens",
        "last_sequence",
        "log",
        "open",
        "opened_ns",
        "parents",
        "read_paid_ns",
        "record_tokens",
        "records_in",
        "subscriptions",
        "throttled",
    )

    def __init__(
        self,
        index: int,
        hash_range: HashRange,
        limits: ShardLimits,
        burst_bytes: int,
        now: int,
        parents: tuple[int, ...] = (),
        first_sequence: int = 0,
    ) -> None:
        self.index = index
        self.hash_range = hash_range
        self.open = True
        self.log = RecordLog()
        self.parents = parents
        self.children: list[int] = []
        self.opened_ns = now
        self.closed_ns: int | None = None
        self.first_sequence = first_sequence
        self.last_sequence: int | None = None
        self.bytes_in = 0
        self.records_in = 0
        self.subscriptions: list[Callable[[], None]] = []
        records = max(1, round(limits.write_records_per_s * limits.write_window))
        self.record_tokens = TokenBucket(records, limits.write_records_per_s, now)
        self.byte_tokens = TokenBucket(burst_bytes, limits.write_bytes_per_s, now)
        self.call_tokens = TokenBucket(limits.read_calls_per_s, limits.read_calls_per_s, now)
        self.iterator_tokens = TokenBucket(
            limits.iterator_calls_per_s, limits.iterator_calls_per_s, now
        )
        self.read_paid_ns = now
        self.throttled = PutResult(False, index, None, THROTTLED)
        self._limits = limits

    @property
    def shard_id(self) -> str:
        """AWS's name for it."""
        return shown_shard(self.index)

    def close(self, now: int, last_sequence: int, children: list[int]) -> None:
        """Take no more records: its keys belong to its children from now on."""
        self.open = False
        self.closed_ns = now
        self.last_sequence = last_sequence
        self.children = children

    def expired(self, now: int, retention_ns: int) -> bool:
        """Say whether all it ever held is too old: AWS's state EXPIRED, in no listing."""
        return self.closed_ns is not None and now - self.closed_ns >= retention_ns

    def take_write(self, now: int, charged_bytes: int) -> bool:
        """Take the tokens of one record, or none of them."""
        if not self.record_tokens.take(now):
            return False
        if self.byte_tokens.take(now, charged_bytes):
            return True
        self.record_tokens.put_back()
        return False

    def may_read(self, now: int) -> bool:
        """Take the token of one GetRecords call, unless earlier bytes are still being paid."""
        return self.read_paid_ns - now <= self._limits.read_slack_ns and self.call_tokens.take(now)

    def pay_read(self, now: int, size_bytes: int) -> None:
        """Charge bytes returned: b bytes take b / (2 MiB/s), so 10 MiB close the shard for 5 s."""
        cost_ns = -(-size_bytes * SECOND_NS // self._limits.read_bytes_per_s)
        self.read_paid_ns = max(self.read_paid_ns, now) + cost_ns

    def read(self, now: int, position: int, limit: int) -> GetResult:
        """Return what one GetRecords call gets here; refused calls use up nothing."""
        if not self.may_read(now):
            return GetResult([], position, 0, THROTTLED, 0)
        log = self.log
        found, size = log.read(position, limit, self._limits.get_bytes)
        self.pay_read(now, size)
        start = max(position, log.first)
        after = start + len(found)
        behind = 0
        if found and after < log.end:
            behind = max(1, (now - found[-1].arrival_ns) // 1_000_000)
        ended = not self.open and after >= log.end
        return GetResult(found, None if ended else after, behind, None, start - position)

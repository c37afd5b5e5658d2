"""The numbers that bound a Kinesis shard, and the error for asking too much of it."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS

THROTTLED = "ProvisionedThroughputExceededException"
INVALID_ARGUMENT = "InvalidArgumentException"
INVALID = "ValidationException"
INTERNAL = "InternalFailure"
IN_USE = "ResourceInUseException"
LIMIT_EXCEEDED = "LimitExceededException"
NOT_FOUND = "ResourceNotFoundException"


class KinesisError(ValueError):
    """A call that Kinesis refuses as a whole; nothing was written or read.

    Attributes:
        code: AWS's error code.
        message: what is wrong, with the limit.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """What one shard takes and gives, and how large one call may be.

    Sources: Kinesis API reference (PutRecord, PutRecords, GetRecords, CreateStream), read
    2026-11-17, and https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html.
    AWS calls MiB "MB" in places; the API reference's MiB is used throughout.

    Attributes:
        write_records_per_s: PutRecord and PutRecords together; also the bucket's capacity
            (assumption: AWS says "per second" and publishes no window).
        write_bytes_per_s: data plus partition key; also the capacity for ordinary records
            (assumption as above).
        large_burst_bytes: the byte bucket's capacity where MaxRecordSizeInKiB exceeds 1,024
            (AWS Big Data blog of 2025-10-28: 10 MiB burst, refill 1 MiB/s).
        write_window: capacity of the write buckets, as seconds at full rate (assumption).
        read_calls_per_s: GetRecords calls of all consumers that share the shard.
        read_bytes_per_s: bytes returned to all of them.
        read_slack_ns: how much read time may be owed before calls are refused (assumption: AWS
            publishes no window; it lets two small reads of one instant pass).
        get_records: records one GetRecords call returns at most.
        get_bytes: bytes one GetRecords call returns at most.
        put_entries: entries of one PutRecords call.
        put_bytes: data and keys of one PutRecords call (5 MB before 2025-10-28).
        iterator_calls_per_s: GetShardIterator calls.
        key_characters: longest partition key.
    """

    write_records_per_s: int = 1000
    write_bytes_per_s: int = MIB
    large_burst_bytes: int = 10 * MIB
    write_window: float = 1.0
    read_calls_per_s: int = 5
    read_bytes_per_s: int = 2 * MIB
    read_slack_ns: int = 50_000_000
    get_records: int = 10_000
    get_bytes: int = 10 * MIB
    put_entries: int = 500
    put_bytes: int = 10 * MIB
    iterator_calls_per_s: int = 5
    key_characters: int = 256


DEFAULT_LIMITS = ShardLimits()

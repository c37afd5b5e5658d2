"""What is wrong with a workload as a whole: what AWS would refuse, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from msgsim.kernel.distributions import Constant
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import Spec
from msgsim.problems import did_you_mean, quote
from msgsim.services.publisher.spec import PAGE, Arrivals, WorkloadSpec

CODES = {
    "E134": "a workload or fault that contradicts itself, or says something in no known form",
    "E280": "AWS refuses a send without MessageGroupId, PartitionKey or deduplication id",
    "E281": "AWS refuses a batch with more entries than the API allows",
    "W381": "the workload sends nothing in this run",
    "W384": "explicit hash keys that the stream does not look at",
    "W385": "aggregated records in front of parallel lanes",
    "W386": "messages that are all larger than their target takes",
    "W383": "workloads that share message groups",
}

KIB = 1_024
KEY_BYTES = 1
"""The shortest partition key, which counts towards a record's size."""

_PROCESSES = ("steady", "poisson", "burst", "profile", "daily", "trace")
_BELONGS = {"every": "burst", "shape": "profile", "columns": "trace"}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what the text of a workload cannot show field by field."""
    workload = cast("WorkloadSpec", spec)
    yield from _when(workload)
    if workload.arrivals is not None:
        yield from _arrivals(workload.arrivals)
    yield from _client(workload)
    yield from _identity(workload, specs.get(workload.to))
    yield from _hash_keys(workload, specs.get(workload.to))
    yield from _batch(workload, specs.get(workload.to))
    yield from _size(workload, specs.get(workload.to))
    yield from _shared_groups(workload, specs)
    if workload.kpl is not None:
        yield from _library(workload, specs.get(workload.to))
        yield from _lanes(workload, specs)


def _when(workload: WorkloadSpec) -> Iterator[Finding]:
    if workload.until is not None and workload.until <= workload.from_:
        yield Finding("E134", "the workload ends before it begins", ("until",), "until > from")
    if workload.rate is None and workload.arrivals is None:
        hint = "such as rate: 50/s, or arrivals: {poisson: 50/s}"
        yield Finding("E134", "the workload has no rate and no arrivals", (), hint)
    if workload.rate is not None and workload.arrivals is not None:
        hint = "rate: 50/s is short for arrivals: {steady: 50/s}; keep one"
        yield Finding("E134", "rate and arrivals both say when messages come", ("rate",), hint)
    if workload.rate == 0:
        yield Finding("W381", "the rate is 0: nothing is sent", ("rate",), "such as rate: 50/s")


def _arrivals(arrivals: Arrivals) -> Iterator[Finding]:
    given = [process for process in _PROCESSES if getattr(arrivals, process) is not None]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has none"
        message = f"arrivals takes exactly one of {', '.join(_PROCESSES)}, but {found}"
        yield Finding("E134", message, ("arrivals",), "such as {poisson: 50/s}")
        return
    yield from _silent(arrivals, given[0])
    for option, process in _BELONGS.items():
        if option in arrivals.model_fields_set and given[0] != process:
            message = f"`{option}` goes with {process}, not with {given[0]}"
            yield Finding("E134", message, ("arrivals", option))
    if "spacing" in arrivals.model_fields_set and given[0] not in ("profile", "daily"):
        hint = "steady is even, poisson is random"
        message = f"`spacing` goes with profile and daily, not with {given[0]}"
        yield Finding("E134", message, ("arrivals", "spacing"), hint)
    if arrivals.every == 0:
        yield Finding("E134", "bursts need time between them", ("arrivals", "every"), "above 0s")
    if arrivals.daily is not None and arrivals.daily.high < arrivals.daily.low:
        yield Finding("E134", "daily: high is below low", ("arrivals", "daily", "high"))
    if arrivals.daily is not None and arrivals.daily.day == 0:
        yield Finding("E134", "daily: a day needs a length", ("arrivals", "daily", "day"))


def _silent(arrivals: Arrivals, process: str) -> Iterator[Finding]:
    """Advise on arrivals of which none ever comes."""
    value = getattr(arrivals, process)
    rates = [step[1] for step in value] if process == "profile" else [value]
    if process == "daily":
        rates = [value.high]
    if process != "trace" and all(rate == 0 for rate in rates):
        message = f"{process} arrivals of 0: nothing is sent"
        yield Finding("W381", message, ("arrivals", process), "such as {poisson: 50/s}")


def _shared_groups(workload: WorkloadSpec, specs: Specs) -> Iterator[Finding]:
    """Advise on a FIFO target that two workloads send the same message groups to."""
    if workload.keys is None or not _is_fifo(specs.get(workload.to)):
        return
    for other, spec in specs.items():
        if spec is workload:
            return  # whoever comes later says it, once
        if isinstance(spec, WorkloadSpec) and spec.to == workload.to and spec.keys is not None:
            both = {*workload.keys.names}.intersection(spec.keys.names)
            if both:
                yield Finding(
                    "W383",
                    f"{other} sends to the same message groups ({min(both)} …): they wait for each "
                    "other, and order is judged for each workload by itself",
                    ("keys",),
                    "fine if meant; else give the keys another prefix, such as "
                    "{uniform: 120, prefix: shop-}",
                )


def _client(workload: WorkloadSpec) -> Iterator[Finding]:
    retry = workload.retry
    if retry.base is not None and retry.cap is not None and retry.cap < retry.base:
        message = "the cap of the back-off is below its base"
        yield Finding("E134", message, ("retry", "cap"), "raise cap or lower base")
    if workload.batch_wait is not None and workload.batch == 1:
        message = "batch_wait has no meaning without batch"
        yield Finding("E134", message, ("batch_wait",), "add batch: 10, or remove it")


def _is_fifo(target: Spec | None) -> bool:
    return bool(getattr(target, "FifoQueue", False) or getattr(target, "FifoTopic", False))


def _is_stream(target: Spec | None) -> bool:
    return target is not None and "ShardCount" in type(target).model_fields


def _required(target: Spec | None) -> tuple[str, str]:
    """Return what a send needs, and the error code without it."""
    if _is_stream(target):
        return "PartitionKey", "ValidationException"
    if getattr(target, "FifoTopic", False):
        return "MessageGroupId", "InvalidParameter"
    return "MessageGroupId", "MissingParameter"


def _identity(workload: WorkloadSpec, target: Spec | None) -> Iterator[Finding]:
    traced = workload.arrivals is not None and workload.arrivals.trace is not None
    if workload.keys is None and not traced and (_is_fifo(target) or _is_stream(target)):
        word, code = _required(target)
        yield Finding(
            "E280",
            f"AWS refuses this ({code}): a send to {workload.to} needs a {word}, "
            "and the workload has no keys",
            ("to",),
            "add keys, such as keys: 120; keys: 1 puts everything into one",
        )
    by_content = bool(getattr(target, "ContentBasedDeduplication", False))
    if _is_fifo(target) and workload.deduplication == "content" and not by_content:
        yield Finding(
            "E280",
            f"AWS refuses this (InvalidParameterValue): {workload.to} needs a "
            "MessageDeduplicationId, because ContentBasedDeduplication is off",
            ("deduplication",),
            f"use deduplication: unique, or set ContentBasedDeduplication: true on {workload.to}",
        )


def _hash_keys(workload: WorkloadSpec, target: Spec | None) -> Iterator[Finding]:
    found, path = workload.ExplicitHashKey, ("ExplicitHashKey",)
    if found is None or target is None:
        return
    if not _is_stream(target):
        message = f"ExplicitHashKey is for Kinesis streams, and {workload.to} is none"
        yield Finding("E134", message, path, "remove it")
        return
    if getattr(target, "RecordDistributionStrategy", "") == "AUTO":
        yield Finding(
            "W384",
            f"{workload.to} spreads records by itself (RecordDistributionStrategy: AUTO) and "
            "ignores the explicit hash key, as AWS does",
            path,
            "remove one of the two",
        )
    known = () if workload.keys is None else workload.keys.names
    for key in found.by_key or ():
        if known and key not in known:
            guess = did_you_mean(key, known[:1_000])
            hint = f"did you mean {guess}?" if guess else f"its keys are {known[0]} and others"
            message = f"ExplicitHashKey: the workload sends no key {quote(key)}"
            yield Finding("E134", message, (*path, key), hint)


def _batch_of(target: Spec | None) -> tuple[str, str, str]:
    """Return the action that sends several messages, its quota and the error beyond it."""
    if _is_stream(target):
        return "PutRecords", "put_records_entries", "ValidationException"
    if target is not None and "StreamViewType" in type(target).model_fields:
        return "BatchWriteItem", "batch_write_items", "ValidationException"
    if target is not None and "DeliveryStreamType" in type(target).model_fields:
        return "PutRecordBatch", "put_record_batch_entries", "InvalidArgumentException"
    return "a batch of SQS or SNS", "batch_entries", "TooManyEntriesInBatchRequest"


def _batch(workload: WorkloadSpec, target: Spec | None) -> Iterator[Finding]:
    action, quota, code = _batch_of(target)
    most = PAGE.quota(quota)
    if target is not None and workload.batch > most:
        message = f"AWS refuses this ({code}): {action} takes at most {most} entries"
        yield Finding("E281", f"{message}, not {workload.batch}", ("batch",), f"batch: {most}")


def _largest(target: Spec | None) -> tuple[int, str, str] | None:
    """Return the largest message (B), the error beyond it, and the property that sets the limit."""
    kib = getattr(target, "MaxRecordSizeInKiB", None)
    if kib is not None:
        return kib * KIB - KEY_BYTES, "InvalidArgumentException", "MaxRecordSizeInKiB"
    if target is not None and "DeliveryStreamType" in type(target).model_fields:
        return PAGE.quota("put_record_bytes"), "InvalidArgumentException", ""
    most = getattr(target, "MaximumMessageSize", None)
    if most is None:
        return None
    topic = target is not None and "FifoTopic" in type(target).model_fields
    return most, "InvalidParameter" if topic else "InvalidParameterValue", "MaximumMessageSize"


def _size(workload: WorkloadSpec, target: Spec | None) -> Iterator[Finding]:
    """Advise on messages of one size that AWS refuses, every single one."""
    found, limit = workload.size, _largest(target)
    traced = workload.arrivals is not None and workload.arrivals.trace is not None
    if found is None or limit is None or traced or not isinstance(found.known, Constant):
        return
    most, code, name = limit
    if found.known.value > most:
        beside = " beside a partition key" if _is_stream(target) else ""
        yield Finding(
            "W386",
            f"AWS refuses every message of this workload ({code}): {workload.to} takes at most "
            f"{most:,} bytes{beside}, and each has {round(found.known.value):,}",
            ("size",),
            f"send less, or raise {name} on {workload.to}" if name else "send less",
        )


def _library(workload: WorkloadSpec, target: Spec | None) -> Iterator[Finding]:
    if target is not None and not _is_stream(target):
        message = f"kpl writes to Kinesis streams, and {workload.to} is none"
        yield Finding("E134", message, ("kpl",), "remove it; batch: 10 collects messages")
    for option in ("batch", "batch_wait", "retry", "resend"):
        if option in workload.model_fields_set:
            message = f"`{option}` does not go with kpl, which batches and retries by itself"
            yield Finding("E134", message, (option,), "remove it")


def _lanes(workload: WorkloadSpec, specs: Specs) -> Iterator[Finding]:
    """Advise on mappings that spread aggregated records over lanes (ParallelizationFactor)."""
    kpl, keys = workload.kpl, workload.keys
    assert kpl is not None
    alone = not kpl.AggregationEnabled or kpl.AggregationMaxCount == 1
    if alone or (keys is not None and len(keys.names) == 1):
        return
    for name, spec in specs.items():
        lanes = getattr(spec, "ParallelizationFactor", None) or 1
        source = getattr(spec, "EventSourceArn", None)
        pushed = getattr(specs.get(source or ""), "StreamARN", None) == workload.to
        if lanes > 1 and (pushed or source == workload.to):
            loss = (
                "drops messages whose key does not fit that of their record"
                if pushed
                else "keeps the order of records by their key, not that of the messages in them"
            )
            yield Finding(
                "W385",
                f"{name} has a ParallelizationFactor of {lanes}, and kpl aggregates messages of "
                f"several keys: AWS then {loss}; here each message keeps its place",
                ("kpl",),
                f"set ParallelizationFactor: 1 on {name}, or kpl: {{AggregationEnabled: false}}",
            )

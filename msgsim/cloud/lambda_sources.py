"""What a mapping can read: a queue, a stream, or a registered consumer of a stream.

Each knows which properties its mappings take, what the function's door looks like, and how one
mapping takes another's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import short_name
from msgsim.cloud.kinesis_entries import ConsumerEntry, StreamEntry, nanoseconds
from msgsim.cloud.lambda_events import QueueDoor
from msgsim.cloud.lambda_functions import FunctionEntry
from msgsim.cloud.lambda_shapes import INVALID
from msgsim.cloud.lambda_stream_events import AwsWording, StreamDoor
from msgsim.cloud.sqs_attributes import specified
from msgsim.services import discover
from msgsim.services.kinesis.spec import StreamSpec
from msgsim.units import duration_ns

Parameters = Mapping[str, Any]

_BOTH = (
    "Enabled",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "FunctionResponseTypes",
)
OF_QUEUES = ("ScalingConfig", "ProvisionedPollerConfig")
OF_STREAMS = (
    "ParallelizationFactor",
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "TumblingWindowInSeconds",
    "DestinationConfig",
)
CHANGEABLE = (*_BOTH, *OF_QUEUES, *OF_STREAMS)
ONLY_SHOWN = ("KMSKeyArn", "MetricsConfig")
ONLY_AT_FIRST = ("StartingPosition", "StartingPositionTimestamp")


class Source(Protocol):
    """What a mapping reads.

    Attributes:
        arn: as `EventSourceArn` shows it.
        reason: `StateTransitionReason` of its mappings.
        defaults: what an answer shows of a mapping that does not say otherwise.
        exists_already: what the refusal of a second mapping says.
    """

    arn: str
    reason: str
    defaults: Mapping[str, Any]

    def exists_already(self, function: str, uuid: str) -> str:
        """Return the sentence that refuses a second mapping to the same function."""

    def properties(self, given: Parameters) -> dict[str, Any]:
        """Return what a scenario would say, for the parameters of the call."""

    def specs(self) -> dict[str, Any]:
        """Return the specs of the source and of what it needs, by ARN."""

    def components(self) -> dict[str, Any]:
        """Return the components behind them."""

    def door(self, entry: FunctionEntry, spec: Any) -> Any:
        """Return the function as the mapping sees it."""

    def furnish(self, mapping: Any, entry: FunctionEntry, given: Parameters) -> None:
        """Add to a new mapping what no property says."""

    def replace(self, old: Any, new: Any) -> None:
        """Let a mapping take the place of another one, before it starts."""

    def stop(self, mapping: Any) -> None:
        """Let a mapping end."""


class QueueSource:
    """A queue."""

    reason = "USER_INITIATED"
    defaults: Mapping[str, Any] = {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
    }

    def __init__(self, account: Account, queue: QueueEntry) -> None:
        self.arn = queue.arn
        self._account = account
        self._queue = queue

    def exists_already(self, function: str, uuid: str) -> str:
        """Return the sentence that refuses a second mapping to the same function."""
        return "An event source mapping with SQS arn and function exists."

    def properties(self, given: Parameters) -> dict[str, Any]:
        """Return what a scenario would say, for the parameters of the call."""
        return dict(given)

    def specs(self) -> dict[str, Any]:
        """Return the queue's spec."""
        spec = discover()["sqs.queue"].spec
        return {self.arn: spec.model_validate(specified(self._queue.attributes))}

    def components(self) -> dict[str, Any]:
        """Return the queue."""
        return {self.arn: self._queue.queue}

    def door(self, entry: FunctionEntry, spec: Any) -> QueueDoor:
        """Return the function as the mapping sees it."""
        return QueueDoor(self._account, entry, self._queue, spec.partial)

    def furnish(self, mapping: Any, entry: FunctionEntry, given: Parameters) -> None:
        """Add nothing."""

    def replace(self, old: Any, new: Any) -> None:
        """Stop the old one: what it has in hand goes on to its end."""
        old.enable(False)

    def stop(self, mapping: Any) -> None:
        """Stop polling; what the mapping has in hand goes on to its end."""
        mapping.enable(False)


class StreamSource:
    """A Kinesis stream, or with `consumer` a registered consumer of it."""

    reason = "User action"
    defaults: Mapping[str, Any] = {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "FunctionResponseTypes": [],
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "TumblingWindowInSeconds": 0,
    }

    def __init__(
        self, account: Account, stream: StreamEntry, consumer: ConsumerEntry | None
    ) -> None:
        self.arn = stream.arn if consumer is None else consumer.arn
        self._account = account
        self._stream = stream
        self._consumer = consumer

    def exists_already(self, function: str, uuid: str) -> str:
        """Return the sentence that refuses a second mapping to the same function."""
        return (
            f'The event source arn (" {self.arn} ") and function (" {function} ") provided mapping '
            f"already exists. Please update or delete the existing mapping with UUID {uuid}"
        )

    def properties(self, given: Parameters) -> dict[str, Any]:
        """Return what a scenario would say: created now, times from the start, a destination.

        Raises:
            Refused: a starting time in the future, or a destination that Lambda does not take.
        """
        now = self._account.sim.now
        found = {**given, "from": f"{self._begins_ns(now)}ns"}
        at = found.get("StartingPositionTimestamp")
        if at is not None:
            if nanoseconds(at) > now:
                raise Refused(INVALID, "StartingPositionTimestamp must not be in the future.")
            found["StartingPositionTimestamp"] = f"{nanoseconds(at)}ns"
        found.pop("DestinationConfig", None)
        arn = destination_of(self._account, given)
        if arn:
            found["DestinationConfig"] = {"OnFailure": {"Destination": arn}}
        return found

    def _begins_ns(self, now: int) -> int:
        """Return when the mapping is created, or its consumer is ACTIVE.

        For a scenario a mapping that is created at time zero was there before; here it was not.
        """
        begins = now if self._consumer is None else max(now, self._consumer.active_ns)
        delay = str(self._account.assumption("lambda.event_source_mapping", "stream_start"))
        return max(begins, 1) if duration_ns(delay) else begins

    def specs(self) -> dict[str, Any]:
        """Return the specs of the stream and of the consumer."""
        found: dict[str, Any] = {self._stream.arn: StreamSpec.model_construct()}
        if self._consumer is not None:
            spec = discover()["kinesis.stream_consumer"].spec
            found[self.arn] = spec.model_validate(
                {"StreamARN": self._stream.arn, "ConsumerName": self._consumer.name}
            )
        return found

    def components(self) -> dict[str, Any]:
        """Return the stream, and the consumer in whose name it is read."""
        stream = self._stream.stream
        found: dict[str, Any] = {self._stream.arn: stream}
        if self._consumer is not None:
            given = {"StreamARN": self._stream.arn, "ConsumerName": self._consumer.name}
            name = f"{stream.name}/{self._consumer.name}"
            made, spec = self._account.build("kinesis.stream_consumer", name, given)
            self._account.connect("kinesis.stream_consumer", made, spec, found.__getitem__)
            found[self.arn] = made
        return found

    def door(self, entry: FunctionEntry, spec: Any) -> StreamDoor:
        """Return the function as the mapping sees it."""
        return StreamDoor(self._account, entry, self.arn, spec.partial)

    def furnish(self, mapping: Any, entry: FunctionEntry, given: Parameters) -> None:
        """Let its documents speak of ARNs."""
        mapping.documents.wording = AwsWording(self._account, self._stream.arn, entry.arn)

    def replace(self, old: Any, new: Any) -> None:
        """Let the new one go on where the old one stops."""
        new.succeed(old)

    def stop(self, mapping: Any) -> None:
        """Read no more; a batch that the function has goes on to its end."""
        mapping.stop(_no_one)


def _no_one(bookmark: Any) -> None:
    """Take the bookmark of a mapping that nobody follows."""


def destination_of(account: Account, given: Parameters) -> str:
    """Return the ARN where documents about discarded batches go, or nothing; a name will do.

    Raises:
        Refused: Lambda does not take it.
    """
    config = given.get("DestinationConfig", {})
    if "OnSuccess" in config:
        raise Refused(INVALID, "Unsupported DestinationConfig parameter: OnSuccess")
    arn = account.arn_of(config.get("OnFailure", {}).get("Destination", ""))
    if arn and not (":sqs:" in arn or ":sns:" in arn):
        raise Refused(INVALID, f"The destination {arn} is no queue and no topic.")
    return arn


def source_of(account: Account, arn: str) -> Source:
    """Return what a mapping is to read, by ARN; a queue's name or URL, or a stream's name will do.

    Raises:
        Refused: there is no such thing.
    """
    if ":kinesis:" in arn:
        return _stream_of(account, arn)
    queue = account.queues.get(short_name(arn))
    if queue is None and arn in account.streams:
        return StreamSource(account, account.streams[arn], None)
    if queue is None:
        text = f"Error occurred while ReceiveMessage. There is no queue {arn!r}."
        raise Refused(INVALID, text)
    return QueueSource(account, queue)


def _stream_of(account: Account, arn: str) -> StreamSource:
    name, _, consumer_name = arn.partition(":stream/")[2].partition("/consumer/")
    stream = account.streams.get(name)
    if stream is None:
        raise Refused(INVALID, f"Stream not found: {arn}")
    if not consumer_name:
        return StreamSource(account, stream, None)
    found = [each for each in stream.consumers.values() if each.arn == arn]
    if not found:
        raise Refused(INVALID, f"Consumer not found: {arn}")
    return StreamSource(account, stream, found[0])

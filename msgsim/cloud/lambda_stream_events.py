"""A function, as the mapping of a Kinesis stream sees it: events, windows, and failure records."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgsim.cloud.identity import ACCOUNT, EPOCH_S, iso_time
from msgsim.cloud.lambda_events import FunctionDoor
from msgsim.cloud.records import KinesisRecord
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Delivery
from msgsim.model.ports import Outcome
from msgsim.services.event_source_mapping.documents import Wording
from msgsim.services.event_source_mapping.lanes import Batch, Lane
from msgsim.services.event_source_mapping.reports import read_report
from msgsim.services.event_source_mapping.windows import WindowLane
from msgsim.services.kinesis.sequence import shown_sequence, shown_shard

if TYPE_CHECKING:
    from msgsim.cloud.account import Account
    from msgsim.cloud.lambda_functions import FunctionEntry


class StreamDoor(FunctionDoor):
    """A function behind the mapping of a stream: what it invokes is a Kinesis event.

    With tumbling windows a lane keeps the state that the handler returns, and the next invocation
    of its window gets it. Source: Lambda developer guide, with-kinesis.html,
    services-kinesis-windows.html.

    Args:
        account: knows names.
        entry: the function.
        arn: the stream.
        reads_report: whether `ReportBatchItemFailures` is set on the mapping.
    """

    def __init__(
        self, account: Account, entry: FunctionEntry, arn: str, reads_report: bool
    ) -> None:
        super().__init__(account, entry, reads_report)
        self.arn = arn
        self.region = account.place.region
        self.role = entry.settings.get("Role") or f"arn:aws:iam::{ACCOUNT}:role/{entry.name}"

    def invoke_records(
        self,
        shard: int,
        lane: Lane,
        batch: Batch,
        reply: Callable[..., Any],
        completed: Callable[..., Any],
    ) -> str | None:
        """Invoke with a batch of one shard; see `Invoked.invoke`."""
        call = StreamCall(self, shard, batch)
        if isinstance(lane, WindowLane):
            call.window = _window(shard, lane, batch, self.arn)
            reply = partial(self._keep_state, self.entry, lane, batch, reply)
        deliveries = [held.delivery for held in batch.records]
        return self.hand_over(call, deliveries, reply, completed)

    def _keep_state(
        self,
        entry: FunctionEntry | None,
        lane: WindowLane,
        batch: Batch,
        reply: Callable[..., Any],
        outcome: Outcome,
    ) -> None:
        """Let the window keep what the handler returned."""
        execution = None if entry is None else entry.handler.last
        if outcome.status == "ok" and not batch.final and execution is not None:
            lane.state = execution.payload["state"]
            lane.state_bytes = len(json.dumps(lane.state).encode())
        reply(outcome)


class StreamCall:
    """One invocation with records of a shard: the event, and what a response has to hold.

    Attributes:
        window: with tumbling windows, what the event says of the window and its state.
    """

    def __init__(self, door: StreamDoor, shard: int, batch: Batch) -> None:
        self.reads_report = door.reads_report
        self.window: dict[str, Any] | None = None
        self._door = door
        self._shard = shard
        self._final = batch.final

    def event(self, batch: Sequence[Delivery]) -> dict[str, Any]:
        """Return the event: one record for each delivery, none in a window's final invocation."""
        records = [] if self._final else [self._record(delivery) for delivery in batch]
        return {"Records": records, **(self.window or {})}

    def failed(self, batch: Sequence[Delivery], payload: Any) -> list[Delivery] | None:
        """Return the records that a response reports as failed; None for all of them.

        They go by sequence number; an empty text means that none failed.
        """
        if self._final:
            return []
        numbers = {_record_of(delivery).sequence_number: delivery for delivery in batch}
        return read_report(payload or None, numbers)

    def complaint(self, payload: Any) -> str | None:
        """Return why a response cannot be taken: with a window it has to hold `state`."""
        if self.window is None or (isinstance(payload, Mapping) and "state" in payload):
            return None
        return "with a tumbling window the response must contain a state property"

    def _record(self, delivery: Delivery) -> dict[str, Any]:
        record, door = _record_of(delivery), self._door
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.key.name,
                "sequenceNumber": record.sequence_number,
                "data": base64.b64encode(record.data).decode(),
                "approximateArrivalTimestamp": _seconds(delivery.copy.arrived_ns),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": record.message_id,
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": door.role,
            "awsRegion": door.region,
            "eventSourceARN": door.arn,
        }


def _record_of(delivery: Delivery) -> KinesisRecord:
    record: KinesisRecord = delivery.message  # type: ignore[assignment]
    return record


def _seconds(ns: int) -> float:
    return round(EPOCH_S + ns / NS_PER_S, 3)


def _window(shard: int, lane: WindowLane, batch: Batch, arn: str) -> dict[str, Any]:
    """Return the members that a tumbling window adds to an event."""
    start_ns, end_ns = lane.bounds(batch.records[0])
    return {
        "window": {"start": _whole_seconds(start_ns), "end": _whole_seconds(end_ns)},
        "state": {} if lane.state is None else lane.state,
        "shardId": shown_shard(shard),
        "eventSourceARN": arn,
        "isFinalInvokeForWindow": batch.final,
        "isWindowTerminatedEarly": batch.final and lane.overflows,
    }


def _whole_seconds(ns: int) -> str:
    return iso_time(ns).partition(".")[0] + "Z"


class AwsWording(Wording):
    """How AWS names things in a document about a discarded batch.

    Args:
        account: makes request ids.
        stream: the stream's ARN.
        function: the function's ARN.
    """

    def __init__(self, account: Account, stream: str, function: str) -> None:
        self._ids = account.ids
        self._stream = stream
        self._function = function

    def request(self, number: int) -> str:
        """Return the id of the document's request."""
        return self._ids.of(f"document/{number}")

    def stream(self, name: str) -> str:
        """Return the ARN of the stream."""
        return self._stream

    def function(self, name: str) -> str:
        """Return the ARN of the function."""
        return self._function

    def sequence(self, shard: int, number: Any) -> str:
        """Return a sequence number."""
        return shown_sequence(shard, number)

    def moment(self, ns: int) -> str:
        """Return a time."""
        return iso_time(ns)

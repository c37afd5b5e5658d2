"""The documents that the mapping of a stream writes about discarded batches.

They say which records were given up and why, and hold no record data. Source: Lambda developer
guide, kinesis-on-failure-destination.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Key, Message
from msgsim.model.ports import Target
from msgsim.services.event_source_mapping.lanes import Held

KINESIS_INFO, DYNAMODB_INFO = "KinesisBatchInfo", "DDBStreamBatchInfo"
FIRST_NUMBER = 1 << 40  # far above the numbers of published messages


class Wording:
    """How a document names things: by the scenario's own names, and seconds from the start."""

    def request(self, number: int) -> str:
        """Return the id of the document's request."""
        return f"{number:032x}"

    def stream(self, name: str) -> str:
        """Return what `streamArn` shows."""
        return name

    def function(self, name: str) -> str:
        """Return what `functionArn` shows."""
        return name

    def sequence(self, shard: int, number: Any) -> str:
        """Return a sequence number."""
        return str(number)

    def moment(self, ns: int) -> Any:
        """Return a time."""
        return ns / NS_PER_S


class Documents:
    """Writes one document per discarded batch to the on-failure destination.

    Args:
        mapping: name of the mapping.
        numbers: message numbers that nobody else uses.

    Attributes:
        destination: a queue or a topic; None without one.
        source_info: the key under which a document describes the batch, by kind of source.
        wording: how it names things.
    """

    def __init__(self, mapping: str, numbers: Iterator[int]) -> None:
        self.destination: Target | None = None
        self.source_info = KINESIS_INFO
        self.wording = Wording()
        self._numbers = numbers
        self._key = Key(mapping, mapping)

    def write(
        self,
        now: int,
        stream: str,
        function: str,
        shard: int,
        records: Sequence[Held],
        condition: str,
        invocations: int,
        status: str | None = None,
    ) -> None:
        """Write about one batch, if there is a destination.

        `status` is how its last invocation ended; None says that there was none.
        """
        if self.destination is None:
            return
        number, say = next(self._numbers), self.wording
        first, last = records[0], records[-1]
        document: dict[str, Any] = {
            "requestContext": {
                "requestId": say.request(number),
                "functionArn": say.function(function),
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": say.moment(now),
            self.source_info: {
                "shardId": f"shardId-{shard:012d}",
                "startSequenceNumber": say.sequence(shard, first.sequence),
                "endSequenceNumber": say.sequence(shard, last.sequence),
                "approximateArrivalOfFirstRecord": say.moment(first.copy.arrived_ns),
                "approximateArrivalOfLastRecord": say.moment(last.copy.arrived_ns),
                "batchSize": sum(not record.marker for record in records),
                "streamArn": say.stream(stream),
            },
        }
        if status is not None:
            document["responseContext"] = {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": None if status == "ok" else "Unhandled",
            }
        body = json.dumps(document)
        key = self._key
        message = Message(number, key, key.issued, now, len(body), body=body)
        key.issued += 1
        self.destination.accept(message)

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

FIRST_NUMBER = 1 << 40  # far above the numbers of published messages


class Documents:
    """Writes one document per discarded batch to the on-failure destination.

    Args:
        mapping: name of the mapping.
        numbers: message numbers that nobody else uses.
    """

    def __init__(self, mapping: str, numbers: Iterator[int]) -> None:
        self.destination: Target | None = None
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
    ) -> None:
        """Write about one batch, if there is a destination."""
        if self.destination is None:
            return
        document: dict[str, Any] = {
            "requestContext": {
                "functionArn": function,
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "version": "1.0",
            "timestamp": now / NS_PER_S,
            "KinesisBatchInfo": {
                "shardId": f"shardId-{shard:012d}",
                "startSequenceNumber": str(records[0].sequence),
                "endSequenceNumber": str(records[-1].sequence),
                "approximateArrivalOfFirstRecord": records[0].copy.arrived_ns / NS_PER_S,
                "approximateArrivalOfLastRecord": records[-1].copy.arrived_ns / NS_PER_S,
                "batchSize": len(records),
                "streamArn": stream,
            },
        }
        body = json.dumps(document)
        key = self._key
        message = Message(next(self._numbers), key, key.issued, now, len(body), body=body)
        key.issued += 1
        self.destination.accept(message)

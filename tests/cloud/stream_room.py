"""A cloud with a stream, a function and the mapping between them, and handlers that fail on
purpose.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.cloud.hands import Hands

PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


class Room(Hands):
    """A cloud with a stream `clicks`, a function `fn`, and what the function saw."""

    def __init__(self, shards: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.lam = self.cloud.client("lambda")
        self.kinesis = self.cloud.client("kinesis")
        self.kinesis.create_stream(StreamName="clicks", ShardCount=shards)
        self.stream_arn = self.kinesis.describe_stream_summary(StreamName="clicks")[
            "StreamDescriptionSummary"
        ]["StreamARN"]
        self.seen: list[tuple[float, list[str]]] = []

    def function(self, answer: Any = None, name: str = "fn", time: Any = 0, **more: Any) -> None:
        """Create a function that notes its records and answers with `answer(event, texts)`."""

        def code(event: Any, context: Any) -> Any:
            texts = texts_of(event)
            self.seen.append((self.cloud.now, texts))
            return None if answer is None else answer(event, texts)

        self.lam.create_function(
            FunctionName=name, Code={"callable": code, "time": time}, Timeout=60, **more
        )

    def map(self, function: str = "fn", source: str | None = None, **more: Any) -> str:
        more = {"StartingPosition": "TRIM_HORIZON", **more}
        return self.lam.create_event_source_mapping(
            EventSourceArn=source or self.stream_arn, FunctionName=function, **more
        )["UUID"]

    def put(self, *texts: str, key: str = "k", **more: Any) -> list[str]:
        """Put records in one call, and return their sequence numbers."""
        records = [{"Data": text.encode(), "PartitionKey": key, **more} for text in texts]
        answer = self.kinesis.put_records(StreamName="clicks", Records=records)
        return [record["SequenceNumber"] for record in answer["Records"]]

    def consumer(self, name: str = "fast") -> str:
        made = self.kinesis.register_stream_consumer(StreamARN=self.stream_arn, ConsumerName=name)
        return made["Consumer"]["ConsumerARN"]

    @property
    def batches(self) -> list[list[str]]:
        return [texts for _, texts in self.seen]

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    def documents(self, url: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies(url)]


def texts_of(event: dict[str, Any]) -> list[str]:
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


def reports(*texts: str) -> Any:
    """Return a handler that reports these records as failed, by sequence number."""

    def answer(event: Any, found: list[str]) -> Any:
        numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
        failed = [n for n, text in zip(numbers, found, strict=True) if text in texts]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    return answer


def raises_at(*texts: str) -> Any:
    def answer(event: Any, found: list[str]) -> None:
        if set(texts) & set(found):
            raise ValueError("no")

    return answer


def counting(events: list[dict[str, Any]]) -> Any:
    """Return a handler that adds up records in the window's state."""

    def answer(event: Any, texts: list[str]) -> Any:
        events.append({**event, "texts": texts})
        state = event["state"]
        return {"state": {"count": state.get("count", 0) + len(texts)}}

    return answer

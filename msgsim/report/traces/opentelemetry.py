"""OpenTelemetry: spans as OTLP JSON lines, with the semantic conventions for messaging.

Each line is one `ExportTraceServiceRequest`, as the collector's file receiver reads it. A message's
life is one trace. `publish` is a producer span; what a consumer does with a message is a consumer
span that is also *linked* to the producer's, because a message that fans out has one sender and
several receivers. Sources: OTLP specification 1.x, JSON protobuf encoding; OpenTelemetry semantic
conventions, messaging spans (development status) and messaging system `aws_sqs`, `aws_sns`.
"""

from __future__ import annotations

import json
from typing import IO, Any

from msgsim.observe.trace.spans import (
    DELIVER,
    IN_FLIGHT,
    PROCESS,
    PUBLISH,
    UNFINISHED,
    WAIT,
    Span,
    publish_id,
    trace_id,
)

EPOCH_NS = 1_767_225_600_000_000_000
"""What the clock shows at time zero: 2026-01-01T00:00:00Z, as in `ms.Cloud`."""

SPANS = 512
"""Spans of one line."""

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
OK, ERROR = 1, 2
_KINDS = {PUBLISH: PRODUCER, DELIVER: PRODUCER, WAIT: INTERNAL, IN_FLIGHT: CLIENT,
          PROCESS: CONSUMER}  # fmt: skip
_OPERATIONS = {PUBLISH: "send", DELIVER: "send", IN_FLIGHT: "receive", PROCESS: "process"}
_SYSTEMS = {"sqs.queue": "aws_sqs", "sns.topic": "aws_sns", "sns.subscription": "aws_sns",
            "kinesis.stream": "aws_kinesis", "kinesis.consumer": "aws_kinesis"}  # fmt: skip


class OtlpFile:
    """Writes spans in batches.

    Args:
        stream: where to.
        scenario: the service's namespace.
        version: of msgsim.
        seed, replication: what the trace ids follow from.
        kinds: component → kind.
        sources: consumer → the queue or stream it reads; workload → what it sends to.
    """

    def __init__(
        self,
        stream: IO[str],
        scenario: str,
        version: str,
        seed: int,
        replication: int,
        kinds: dict[str, str],
        sources: dict[str, str],
    ) -> None:
        self._stream = stream
        self._scenario = scenario
        self._version = version
        self._seed, self._replication = seed, replication
        self._kinds = kinds
        self._sources = sources
        self._spans: dict[str, list[dict[str, Any]]] = {}
        self._count = 0

    def span(self, span: Span) -> None:
        """Take one span."""
        self._spans.setdefault(span.place, []).append(self._otlp(span))
        self._count += 1
        if self._count >= SPANS:
            self.flush()

    def flush(self) -> None:
        """Write what has come together as one line."""
        if not self._count:
            return
        scope = {"name": "msgsim", "version": self._version}
        line = {
            "resourceSpans": [
                {
                    "resource": {"attributes": self._resource(place)},
                    "scopeSpans": [{"scope": scope, "spans": spans}],
                }
                for place, spans in self._spans.items()
            ]
        }
        self._stream.write(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n")
        self._spans.clear()
        self._count = 0

    def _resource(self, place: str) -> list[dict[str, Any]]:
        return attributes(
            {
                "service.name": place,
                "service.namespace": self._scenario,
                "msgsim.kind": self._kinds.get(place, ""),
            }
        )

    def _otlp(self, span: Span) -> dict[str, Any]:
        destination = self._sources.get(span.place, span.place)
        trace = trace_id(self._seed, self._replication, span.message)
        operation = _OPERATIONS.get(span.name)
        described: dict[str, Any] = {
            "messaging.system": _SYSTEMS.get(self._kinds.get(destination, ""), "aws_sqs"),
            "messaging.destination.name": destination,
            "messaging.message.id": span.label,
            "msgsim.key": span.key,
        }
        if operation is not None:
            described["messaging.operation.type"] = operation
            described["messaging.operation.name"] = span.name
        if span.attempt:
            described["msgsim.attempt"] = span.attempt
        for name, value in span.detail.items():
            described[f"msgsim.{name}"] = value
        found: dict[str, Any] = {
            "traceId": trace,
            "spanId": span.span_id,
            "name": f"{operation or span.name} {destination}",
            "kind": _KINDS[span.name],
            "startTimeUnixNano": str(EPOCH_NS + span.start_ns),
            "endTimeUnixNano": str(EPOCH_NS + span.end_ns),
            "attributes": attributes(described),
            "status": _status(span),
        }
        if span.parent_id:
            found["parentSpanId"] = span.parent_id
        if span.name == PROCESS:
            found["links"] = [{"traceId": trace, "spanId": publish_id(span.message)}]
        return found


def _status(span: Span) -> dict[str, Any]:
    if span.status == "ok":
        return {"code": OK}
    if span.status == UNFINISHED:
        return {"message": UNFINISHED}
    return {"code": ERROR, "message": span.status}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes in OTLP's JSON encoding; 64-bit integers are strings there."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}

"""X-Ray: spans as segment documents, one a line, as `PutTraceSegments` takes them.

Source: AWS X-Ray Developer Guide, X-Ray segment documents (xray-api-segmentdocuments.html): trace
ids of version 1, 16-digit ids, times in seconds since 1970 with fractions.
"""

from __future__ import annotations

import json
import re
from typing import IO, Any

from msgsim.observe.trace.spans import UNFINISHED, Span, trace_id
from msgsim.report.traces.opentelemetry import EPOCH_NS

NS_PER_S = 1_000_000_000
LONGEST_NAME = 200
_NOT_IN_NAMES = re.compile(r"[^\w\s.:/%&#=+\\\-@]")
_ORIGINS = {"sqs.queue": "AWS::SQS", "sns.topic": "AWS::SNS", "sns.subscription": "AWS::SNS",
            "lambda.function": "AWS::Lambda::Function",
            "kinesis.stream": "AWS::Kinesis"}  # fmt: skip


class XRayFile:
    """Writes a segment document for every span.

    Args:
        stream: where to.
        seed, replication: what the trace ids follow from.
    """

    def __init__(self, stream: IO[str], seed: int, replication: int) -> None:
        self._stream = stream
        self._seed, self._replication = seed, replication

    def span(self, span: Span) -> None:
        """Write one span."""
        digits = trace_id(self._seed, self._replication, span.message)[:24]
        document: dict[str, Any] = {
            "name": _NOT_IN_NAMES.sub("_", f"{span.place}")[:LONGEST_NAME],
            "id": span.span_id,
            "trace_id": f"1-{EPOCH_NS // NS_PER_S:08x}-{digits}",
            "start_time": _seconds(span.start_ns),
            "annotations": {"message": span.label, "key": span.key, "step": span.name},
            "metadata": {"msgsim": {"status": span.status, **span.detail}},
        }
        if span.attempt:
            document["annotations"]["attempt"] = span.attempt
        if span.kind in _ORIGINS:
            document["origin"] = _ORIGINS[span.kind]
        if span.parent_id:
            document["parent_id"] = span.parent_id
        if span.status == UNFINISHED:
            document["in_progress"] = True
        else:
            document["end_time"] = _seconds(span.end_ns)
            if span.status != "ok":
                document["fault"] = True
        self._stream.write(json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n")


def _seconds(ns: int) -> float:
    return round((EPOCH_NS + ns) / NS_PER_S, 6)

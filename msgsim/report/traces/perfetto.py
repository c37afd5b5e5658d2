"""Perfetto: spans as asynchronous slices of the Chrome trace format, for ui.perfetto.dev.

One process per component. What overlaps is an asynchronous slice with the message's number as its
id, so that nothing is drawn over anything else. Slices are called after the message group at FIFO
queues and the shard at streams, which gives each of them a track; executions of a function lie on
one track per environment, depths of queues are counters. Format: "Trace Event Format"
(https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU); times in µs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import IO, Any

from msgsim.observe.trace.spans import Span

NS_PER_US = 1000.0
ENVIRONMENTS, DEPTH = 1, 2


class PerfettoFile:
    """Writes spans one by one; the file is complete after `close`.

    Args:
        stream: where to.
        components: name → kind of every component, in the order in which they are to appear.
        grouped: components whose slices are called after the key: FIFO queues, and who reads them.
    """

    def __init__(
        self, stream: IO[str], components: Mapping[str, str], grouped: Iterable[str] = ()
    ) -> None:
        self._stream = stream
        self._processes = {name: index + 1 for index, name in enumerate(components)}
        self._grouped = frozenset(grouped)
        self._first = True
        self._free: dict[str, list[int]] = {}
        stream.write('{"displayTimeUnit":"ms","traceEvents":[\n')
        for name, kind in components.items():
            process = self._processes[name]
            self._write(ph="M", name="process_name", pid=process, args={"name": f"{name} ({kind})"})
            self._write(ph="M", name="process_sort_index", pid=process,
                        args={"sort_index": process})  # fmt: skip

    def span(self, span: Span) -> None:
        """Write one span: its beginning and its end."""
        name = self._name(span)
        common = {"cat": span.name, "id": f"0x{span.span_id}", "name": name,
                  "pid": self._processes[span.place], "tid": 0}  # fmt: skip
        details = {"message": span.label, "key": span.key, "status": span.status, **span.detail}
        if span.attempt:
            details["attempt"] = span.attempt
        self._write(ph="b", ts=span.start_ns / NS_PER_US, args=details, **common)
        self._write(ph="e", ts=span.end_ns / NS_PER_US, **common)

    def _name(self, span: Span) -> str:
        if "shard" in span.detail:
            return f"{span.name} · shard {span.detail['shard']}"
        if span.place in self._grouped:
            return f"{span.name} · group {span.key}"
        return span.name

    def execution(self, place: str, start_ns: int, end_ns: int, status: str) -> None:
        """Write one execution of a function or worker, on the first track that is free."""
        ends = self._free.setdefault(place, [])
        track = next((i for i, end in enumerate(ends) if end <= start_ns), len(ends))
        if track == len(ends):
            ends.append(end_ns)
            self._write(ph="M", name="thread_name", pid=self._processes[place], tid=track + 1,
                        args={"name": f"environment {track + 1}"})  # fmt: skip
        ends[track] = end_ns
        self._write(ph="X", name=status, cat="execution", pid=self._processes[place],
                    tid=track + 1, ts=start_ns / NS_PER_US,
                    dur=(end_ns - start_ns) / NS_PER_US)  # fmt: skip

    def counter(self, place: str, time_ns: int, values: Mapping[str, float]) -> None:
        """Write what a gauge of a component showed at a moment."""
        self._write(ph="C", name="depth", pid=self._processes[place], ts=time_ns / NS_PER_US,
                    args=dict(values))  # fmt: skip

    def close(self) -> None:
        """End the document."""
        self._stream.write("\n]}\n")

    def _write(self, **event: Any) -> None:
        self._stream.write(("" if self._first else ",\n") + json.dumps(event, allow_nan=False))
        self._first = False

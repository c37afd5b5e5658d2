"""Spans: the stretches of time that a message's life is made of, for tools that draw them.

| span | begins | ends |
|---|---|---|
| publish | the client sends it for the first time | a topic, queue or stream has taken it |
| deliver | a subscription sets out with it | its endpoint has it, or it is given up |
| wait | a copy becomes visible in a queue, or is stored for a stream's consumer | it is received |
| in flight | a copy is received | it is deleted, or comes back |
| process | a consumer gets it | its handler has done it, or failed |

A span is handed on when it ends; only what is going on is kept, so that memory does not grow with
what has finished.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
from msgsim.model.message import Copy, Delivery, Message
from msgsim.observe.trace.listening import ABOUT, Note

PUBLISH, DELIVER, WAIT, IN_FLIGHT, PROCESS = "publish", "deliver", "wait", "in flight", "process"
UNFINISHED = "unfinished"

TAKEN_BY_ENTRY = frozenset({"accepted", "sent", "stored", "ingested", "refused", "deduplicated"})
DETAILS = frozenset({"shard", "reason", "code"})
ARRIVES = frozenset({"sent", "ingested", "moved_in", "ghost"})
LEAVES = {
    "dead_lettered": "dead-lettered",
    "error_output": "error output",
    "expired": "expired",
    "purged": "purged",
    "moved_out": "moved",
    "dropped": "dropped",
}


@dataclass(slots=True)
class Span:
    """One stretch in the life of a message.

    Attributes:
        name: one of the five above.
        place: the component, and `kind`, what it is.
        message: number of the message; `label` is what it is called, `key` its key.
        start_ns, end_ns: from when to when; at the end of the run what goes on has `end_ns` then.
        status: `ok`, or how it ended otherwise.
        attempt: of which hand-over it speaks; 0 for none.
        span_id, parent_id: 16 hexadecimal digits each; the parent's are empty for `publish`.
        detail: more about it: shard, reason of a failure.
    """

    name: str
    place: str
    kind: str
    message: int
    label: str
    key: str
    start_ns: int
    end_ns: int = -1
    status: str = "ok"
    attempt: int = 0
    span_id: str = ""
    parent_id: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def publish_id(number: int) -> str:
    """Return the id of the span with which the life of a message begins."""
    return _digest(f"{number}|{PUBLISH}")


def trace_id(seed: int, replication: int, number: int) -> str:
    """Return the 32 hexadecimal digits of the trace of a message."""
    return blake2b(f"{seed}|{replication}|{number}".encode(), digest_size=16).hexdigest()


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


class SpanBuilder:
    """Recorder: turns facts into spans.

    Args:
        sink: called with every span that has ended.
        via: subscriber → the subscriptions through which its messages come.
    """

    def __init__(
        self, sink: Callable[[Span], Any], via: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self._sink = sink
        self._via = dict(via or {})
        self._open: dict[Hashable, Span] = {}
        self._latest: dict[Copy, str] = {}

    def note(self, component: Component, signal: Signal) -> Note | None:
        """Return what makes spans of one signal of one component."""
        handler = _HANDLERS.get(signal.name)
        return getattr(_Notes(self, component, signal), handler) if handler is not None else None

    def finish(self, now: int) -> None:
        """End the run: what goes on is handed on as unfinished, the earliest first."""
        for key in sorted(self._open, key=lambda key: self._open[key].start_ns):
            span = self._open[key]
            span.end_ns, span.status = now, UNFINISHED
            self._sink(span)
        self._open.clear()
        self._latest.clear()

    # What the notes of all components share ------------------------------------------------

    def begin(self, key: Hashable, span: Span) -> None:
        """Open a span; one of the same key that is still open ends here."""
        self.end(key, span.start_ns)
        if not span.span_id:
            identity = f"{span.message}|{span.place}|{span.name}|{span.start_ns}|{span.attempt}"
            span.span_id = _digest(identity)
        self._open[key] = span

    def end(self, key: Hashable, now: int, status: str = "ok", **detail: Any) -> None:
        """End a span, if it is open."""
        span = self._open.pop(key, None)
        if span is not None:
            span.end_ns, span.status = now, status
            span.detail.update(detail)
            self._sink(span)

    def hand_on(self, span: Span) -> None:
        """Hand on a span whose beginning and end are both known."""
        self.begin(("at once", span.place, span.message), span)
        self.end(("at once", span.place, span.message), span.end_ns, span.status)

    def parent_at(self, place: str, number: int) -> str:
        """Return the id of the span that brought a message to a subscriber."""
        for subscription in self._via.get(place, ()):
            span = self._open.get((subscription, number))
            if span is not None:
                return span.span_id
        return publish_id(number)

    def parent_of(self, copy: Copy | None, number: int) -> str:
        """Return the id of what is going on with a copy."""
        found = self._latest.get(copy) if copy is not None else None
        return found if found is not None else publish_id(number)

    def going_on(self, copy: Copy, key: Hashable) -> None:
        """Remember what is going on with a copy: the span that was opened under `key`."""
        self._latest[copy] = self._open[key].span_id

    def forget(self, copy: Copy) -> None:
        """Forget a copy that is gone."""
        self._latest.pop(copy, None)


class _Notes:
    """What makes spans of the facts of one signal of one component."""

    def __init__(self, builder: SpanBuilder, component: Component, signal: Signal) -> None:
        self._builder = builder
        self._place, self._kind = component.name, component.kind
        self._what = signal.name
        self._names = tuple(name for name in signal.carries if name not in ABOUT)

    def _span(self, name: str, message: Message, start: int, **more: Any) -> Span:
        return Span(name, self._place, self._kind, message.number, message.label, message.key.name,
                    start, **more)  # fmt: skip

    def _detail(self, rest: tuple[Any, ...]) -> dict[str, Any]:
        pairs = zip(self._names, rest, strict=False)
        return {name: value for name, value in pairs if name in DETAILS}

    # The client and the topic --------------------------------------------------------------

    def published(self, now: int, message: Message, copy: Any, delivery: Any, rest: Any) -> None:
        span = self._span(PUBLISH, message, now, span_id=publish_id(message.number))
        self._builder.begin((PUBLISH, message.number), span)

    def taken_by_entry(
        self, now: int, message: Message, copy: Any, delivery: Any, rest: Any
    ) -> None:
        status = self._what if self._what in {"refused", "deduplicated"} else "ok"
        self._builder.end((PUBLISH, message.number), now, status, **self._detail(rest))

    def forwarded(self, now: int, message: Message, copy: Any, delivery: Any, rest: Any) -> None:
        parent = publish_id(message.number)
        span = self._span(DELIVER, message, now, parent_id=parent)
        self._builder.begin((self._place, message.number), span)

    def delivered(self, now: int, message: Message, copy: Any, delivery: Any, rest: Any) -> None:
        self._builder.end((self._place, message.number), now)

    def discarded(self, now: int, message: Message, copy: Any, delivery: Any, rest: Any) -> None:
        self._builder.end((self._place, message.number), now, "discarded", **self._detail(rest))

    # The queue -----------------------------------------------------------------------------

    def arrived(self, now: int, message: Message, copy: Copy, delivery: Any, rest: Any) -> None:
        parent = self._builder.parent_at(self._place, message.number)
        self._begin_waiting(now, message, copy, parent)
        if self._what == "sent":
            self._builder.end((PUBLISH, message.number), now)

    def _begin_waiting(self, now: int, message: Message, copy: Copy, parent: str) -> None:
        key = (self._place, copy)
        self._builder.begin(key, self._span(WAIT, message, now, parent_id=parent))
        self._builder.going_on(copy, key)

    def received(
        self, now: int, message: Message, copy: Copy, delivery: Delivery, rest: Any
    ) -> None:
        parent = self._builder.parent_of(copy, message.number)
        key = (self._place, copy)
        span = self._span(IN_FLIGHT, message, now, parent_id=parent, attempt=delivery.attempt)
        self._builder.begin(key, span)
        self._builder.going_on(copy, key)

    def returned(
        self, now: int, message: Message, copy: Copy, delivery: Delivery, rest: Any
    ) -> None:
        parent = self._builder.parent_of(copy, message.number)
        self._builder.end((self._place, copy), now, "returned")
        self._begin_waiting(now, message, copy, parent)

    def deleted(
        self, now: int, message: Message, copy: Copy, delivery: Delivery, rest: Any
    ) -> None:
        self._builder.end((self._place, copy), now)
        self._builder.forget(copy)

    def left(
        self, now: int, message: Message, copy: Copy | None, delivery: Any, rest: tuple[Any, ...]
    ) -> None:
        """End whatever goes on with a copy, or with a message that has none here."""
        key = (self._place, message.number if copy is None else copy)
        self._builder.end(key, now, LEAVES[self._what], **self._detail(rest))
        if copy is not None:
            self._builder.forget(copy)

    # Consumers -----------------------------------------------------------------------------

    def taken(self, now: int, message: Message, copy: Copy, delivery: Delivery, rest: Any) -> None:
        """A stream's consumer or a function got it: it has waited since it was there for it."""
        if delivery.attempt == 1:
            span = self._span(WAIT, message, copy.arrived_ns, end_ns=now)
            span.parent_id = self._builder.parent_at(self._place, message.number)
            self._builder.hand_on(span)

    def processed(
        self, now: int, message: Message, copy: Copy, delivery: Delivery, rest: tuple[Any, ...]
    ) -> None:
        status = "ok" if self._what == "completed" else "failed"
        parent = self._builder.parent_of(copy, message.number)
        span = self._span(PROCESS, message, delivery.received_ns, end_ns=now, status=status,
                          attempt=delivery.attempt, parent_id=parent)  # fmt: skip
        span.detail = self._detail(rest)
        self._builder.hand_on(span)


_HANDLERS = {
    "published": "published",
    **dict.fromkeys(TAKEN_BY_ENTRY, "taken_by_entry"),
    "forwarded": "forwarded",
    "delivered": "delivered",
    "discarded": "discarded",
    **dict.fromkeys(ARRIVES, "arrived"),
    "received": "received",
    "returned": "returned",
    "deleted": "deleted",
    **dict.fromkeys(LEAVES, "left"),
    "taken": "taken",
    "completed": "processed",
    "failed": "processed",
}

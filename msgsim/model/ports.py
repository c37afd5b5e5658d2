"""How services meet: the few calls one component makes on another, and their answers.

Every operation takes effect at the moment it is called. What can be answered at once returns the
answer; what takes simulated time (a long poll, an invocation) takes a `reply` that is called then.
Errors are AWS's error codes as text; None means success.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgsim.model.message import Delivery, Message

ReceiveReply = Callable[[list[Delivery], str | None], Any]


class Target(Protocol):
    """What a publisher or a topic can send to: a topic, a queue, a stream."""

    name: str

    def accept(self, message: Message) -> str | None:
        """Take one message in one API call; return an error code or None."""

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        """Take several messages in one API call; return one error code or None for each."""


class Polled(Protocol):
    """What a consumer can poll: a queue."""

    name: str

    def receive(
        self,
        limit: int,
        wait_ns: int,
        reply: ReceiveReply,
        visibility_ns: int | None = None,
    ) -> None:
        """Ask for up to `limit` messages; `reply(deliveries, error)` comes within `wait_ns`."""

    def delete(self, delivery: Delivery) -> str | None:
        """Delete by receipt; return an error code or None."""

    def delete_batch(self, deliveries: Sequence[Delivery]) -> list[str | None]:
        """Delete several receipts in one API call."""

    def change_visibility(self, delivery: Delivery, timeout_ns: int) -> str | None:
        """Let the receipt's visibility timeout end `timeout_ns` from now."""


@dataclass(slots=True)
class Outcome:
    """How an invocation ended.

    Attributes:
        status: `ok`, `error` (the handler raised), `timeout`, or a throttle's error code.
        failed: with status `ok`, the deliveries the handler reported as batch item failures.
        malformed: with status `ok`, whether its report cannot be understood.
    """

    status: str
    failed: list[Delivery] = field(default_factory=list)
    malformed: bool = False


InvokeReply = Callable[[Outcome], Any]


class Invoked(Protocol):
    """What can be invoked with a batch: a function."""

    name: str

    def invoke(
        self,
        batch: Sequence[Delivery],
        reply: InvokeReply,
        completed: Callable[..., Any],
    ) -> str | None:
        """Invoke synchronously (RequestResponse).

        Returns None when the invocation has begun, and `reply(outcome)` follows at its end, or at
        once the error code of a throttle, and `reply` is not called. `completed(now, delivery)`
        is called for each record at the moment its side effect has happened, and
        `completed(now, delivery, True)` for one that was recognised as done before.
        """

    def invoke_async(self, message: Message) -> str | None:
        """Queue one event (InvocationType=Event); return an error code or None (202)."""


class Counted(Protocol):
    """What a scaling policy or an alarm can look at: a queue."""

    name: str

    def counters(self) -> tuple[int, int, int]:
        """Return how many messages are visible, in flight, and delayed."""


class Scaled(Protocol):
    """What the action of an alarm can be: a policy of a fleet that scales."""

    name: str

    @property
    def policies(self) -> Collection[str]:
        """The names of its policies that alarms invoke."""

    def scale(self, policy: str, beyond: float) -> None:
        """Carry a policy out; the metric lies `beyond` its alarm's threshold (negative: below)."""

"""SNS subscriptions as components: filter, send on the way, hand over, give up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy as shallow_copy

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Message
from msgsim.model.ports import Target
from msgsim.services.sns.filter_policy import FilterPolicy

HandOver = Callable[[Message], str | None]
Send = Callable[[int, Message], None]

UNAVAILABLE = "ServiceUnavailable"
MAX_RAW_ATTRIBUTES = 10


class Subscription(Component):
    """A subscription: one branch of the fork, from the topic to one endpoint.

    A courier carries its messages: over a hop, in order or not, and again after a server-side
    error. What is given up goes to the subscription's own dead-letter queue, or is lost.
    Subscriptions do not wait for each other.

    Args:
        policy: which messages it wants; None wants all.
    """

    kind = "sns.subscription"
    signals = (
        facts.FORWARDED,
        facts.FILTERED,
        facts.DELIVERED,
        facts.ATTEMPT_FAILED,
        facts.DEAD_LETTERED,
        facts.DISCARDED,
    )

    def __init__(self, sim: Simulation, name: str, policy: FilterPolicy | None = None) -> None:
        super().__init__(sim, name)
        self._policy = policy
        self._hand_over: HandOver = _nowhere
        self._dead_letters: Target | None = None
        self._send: Send = self._undelivered
        self._trips = 0
        self._travelling: dict[int, Message] = {}

    def lead_to(self, hand_over: HandOver, dead_letters: Target | None = None) -> None:
        """Say what takes the messages, and what takes those that are given up."""
        self._hand_over = hand_over
        self._dead_letters = dead_letters

    def employ(self, send: Send) -> None:
        """Let a courier carry each message: it ends every trip by calling `settle`."""
        self._send = send

    def offer(self, message: Message) -> None:
        """Begin to deliver a message that the topic accepted, unless the filter keeps it out."""
        policy = self._policy
        if policy is not None and not policy.matches(message.attributes, message.body):
            if self.on_filtered is not None:
                self.on_filtered(self.sim.env._now, message)
            return
        if self.on_forwarded is not None:
            self.on_forwarded(self.sim.env._now, message)
        self._trips = trip = self._trips + 1
        self._travelling[trip] = message
        self._send(trip, message)

    def attempt(self, message: Message) -> str | None:
        """Hand a message to the endpoint; return an error code or None."""
        error = UNAVAILABLE if self.down else self._hand_over(message)
        if error is not None and self.on_attempt_failed is not None:
            self.on_attempt_failed(self.sim.now, message, error)
        return error

    def settle(self, trip: int, message: Message, error: str | None) -> None:
        """End a trip: delivered, or given up with `error`."""
        del self._travelling[trip]
        if error is not None:
            self._give_up(message, error)
        elif self.on_delivered is not None:
            self.on_delivered(self.sim.env._now, message)

    def _give_up(self, message: Message, error: str) -> None:
        now = self.sim.now
        if self._dead_letters is not None:
            refused = self._dead_letters.accept(message)
            if refused is None:
                if self.on_dead_lettered is not None:
                    undelivered = Copy(message, now)
                    undelivered.gone = True
                    self.on_dead_lettered(now, undelivered)
                return
            error = refused
        if self.on_discarded is not None:
            self.on_discarded(now, message, error)

    def _undelivered(self, trip: int, message: Message) -> None:
        raise RuntimeError(f"subscription {self.name} has no courier")

    def holds(self) -> Iterable[tuple[str, Message]]:
        """Yield every message on its way or waiting for the next try."""
        for message in self._travelling.values():
            yield "in_transit", message


def _nowhere(message: Message) -> str | None:
    """Refuse: the subscription leads nowhere yet."""
    return UNAVAILABLE


def without_group(hand_over: HandOver) -> HandOver:
    """Hide the group id from a standard queue behind a FIFO topic.

    Source: SNS Developer Guide, fifo-message-grouping.html.
    """

    def hand_over_plain(message: Message) -> str | None:
        if message.grouped:
            message = shallow_copy(message)
            message.grouped = False
        return hand_over(message)

    return hand_over_plain


def raw(hand_over: HandOver) -> HandOver:
    """Deliver to SQS without the envelope: more than ten attributes are a client-side error.

    Source: SNS Developer Guide, sns-large-payload-raw-message-delivery.html.
    """

    def hand_over_raw(message: Message) -> str | None:
        if len(message.attributes) > MAX_RAW_ATTRIBUTES:
            return "InvalidParameter"
        return hand_over(message)

    return hand_over_raw

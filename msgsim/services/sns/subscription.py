"""SNS subscriptions as components: filter, send on the way, hand over, give up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import NEVER, Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.catalog import page_beside
from msgsim.model.message import Copy, Message
from msgsim.model.ports import Target
from msgsim.services.sns.archive import LIVE, Archive, Replay
from msgsim.services.sns.delivered import Dress
from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError, Scope

HandOver = Callable[[Message], str | None]
Send = Callable[[Message], None]
Arrive = Callable[[Message, str | None], None]

UNAVAILABLE = "ServiceUnavailable"
UNACKNOWLEDGED = "Unacknowledged"
PENDING_CONFIRMATION = "PendingConfirmation"
REPLAY_ENDED = "ReplayEnded"
MAX_RAW_ATTRIBUTES = int(page_beside(__file__, "sns.subscription.md").quota("raw_attributes"))


class Subscription(Component):
    """A subscription: one branch of the fork, from the topic to one endpoint.

    A courier carries its messages: over a hop, in order or not, and again after a server-side
    error. What is given up goes to the subscription's own dead-letter queue, or is lost.
    Subscriptions do not wait for each other.

    Args:
        policy: which messages it wants; None wants all.
        propagation: how long a changed policy takes to be in force (ns); None for no time.

    Attributes:
        protocol: `sqs`, `lambda`, `https` …
        refusal: the client-side error that every attempt meets (permission taken away, key
            withheld, endpoint deleted); None while nothing is wrong.
        active: False once SNS has deactivated it; it waits for a new confirmation.
        archive: of its FIFO topic, for replays.
        travelling: what is on its way, by the number of its trip; most messages need none, because
            nothing happens between their setting out and `conclude`.
        answers_left: how many deliveries pass until the answer to one is lost.
    """

    kind = "sns.subscription"
    protocol = "sqs"
    signals = (
        facts.FORWARDED,
        facts.FILTERED,
        facts.DELIVERED,
        facts.ATTEMPT_FAILED,
        facts.SENT_AGAIN,
        facts.DEAD_LETTERED,
        facts.DISCARDED,
    )

    def __init__(
        self,
        sim: Simulation,
        name: str,
        policy: FilterPolicy | None = None,
        propagation: Sampler[int] | None = None,
    ) -> None:
        super().__init__(sim, name)
        self.refusal: str | None = None
        self.active = True
        self.archive: Archive | None = None
        self.raw = False
        self.filter_policy = policy
        self._policy = policy
        self._propagation = propagation
        self._changes = 0
        self._in_force = 0
        self._hand_over: HandOver = _nowhere
        self._ways: tuple[HandOver, HandOver] = (_nowhere, _nowhere)
        self._dead_letters: Target | None = None
        self._send: Send = self._undelivered
        self._arrive: Arrive = self._unattended
        self.answers_left = NEVER
        self._dressings: tuple[Dress | None, Dress | None] = (None, None)
        self._dress: Dress | None = None
        self._replay: Replay | None = None
        self._trips = 0
        self.travelling: dict[int, Message] = {}
        self._copies: dict[int, Copy] = {}

    # Wiring and attributes -----------------------------------------------------------------

    def lead_to(
        self,
        hand_over: HandOver,
        dead_letters: Target | None = None,
        raw: HandOver | None = None,
    ) -> None:
        """Say what takes the messages, raw ones too, and what takes those that are given up."""
        self._ways = (hand_over, raw or hand_over)
        self._hand_over = self._ways[self.raw]
        self._dead_letters = dead_letters

    def employ(self, send: Send, arrive: Arrive) -> None:
        """Let a courier carry each message.

        Args:
            send: takes a message along; the courier calls `conclude` when it has come to the
                endpoint, or begins a trip that ends with `settle`.
            arrive: goes on with a message whose first delivery is not as simple as most.
        """
        self._send = send
        self._arrive = arrive

    def begin(self, message: Message) -> int:
        """Begin a trip: return its number, by which the message is known until it is settled."""
        self._trips = trip = self._trips + 1
        self.travelling[trip] = message
        return trip

    def dress(self, enveloped: Dress | None, raw: Dress | None = None) -> None:
        """Say what travels: the message in its envelope, and raw; None is as published."""
        self._dressings = (enveloped, raw)
        self._dress = self._dressings[self.raw]

    def set_raw(self, raw: bool) -> None:
        """Deliver without the envelope from now on, or with it (`RawMessageDelivery`)."""
        self.raw = raw
        self._dress = self._dressings[raw]
        self._hand_over = self._ways[raw]

    @property
    def dead_letter_target(self) -> str | None:
        """The name of the queue that what is given up goes to, or None."""
        return getattr(self._dead_letters, "name", None)

    def set_dead_letters(self, target: Target | None) -> None:
        """Send what is given up to a queue from now on (`RedrivePolicy`), or nowhere."""
        self._dead_letters = target

    @property
    def has_dead_letters(self) -> bool:
        """Whether what is given up has a queue to go to."""
        return self._dead_letters is not None

    @property
    def filter_policy_scope(self) -> Scope:
        """`MessageAttributes` or `MessageBody`, of the policy set last."""
        return "MessageAttributes" if self.filter_policy is None else self.filter_policy.scope

    def set_filter_policy(
        self, policy: FilterPolicy | Mapping[str, Any] | str | None, scope: Scope | None = None
    ) -> None:
        """Change the filter policy: readable at once, in force after the propagation time.

        Until then every message is judged by the former policy, as AWS allows (up to 15 minutes,
        message-filtering-apply.html). None and "" take the policy away.

        Raises:
            FilterPolicyError: AWS would refuse it.
        """
        if policy is not None and not isinstance(policy, FilterPolicy):
            policy = (
                FilterPolicy.parse(policy, scope or self.filter_policy_scope) if policy else None
            )
        self.filter_policy = policy
        self._changes = change = self._changes + 1
        delay_ns = 0 if self._propagation is None else self._propagation.draw()
        if delay_ns:
            self.sim.after(delay_ns, self._apply, change, policy)
        else:
            self._apply(change, policy)

    def set_property(self, name: str, value: Any) -> str | None:
        """SetSubscriptionAttributes for one property, under AWS's name: the filter policy.

        Returns:
            `InvalidParameter` when AWS would refuse the policy.
        """
        try:
            self.set_filter_policy(value)
        except FilterPolicyError:
            return "InvalidParameter"
        return None

    def _apply(self, change: int, policy: FilterPolicy | None) -> None:
        if change > self._in_force:
            self._in_force = change
            self._policy = policy

    # Delivering ----------------------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Begin to deliver a message that the topic accepted, unless the filter keeps it out."""
        if self._replay is not None and self._waits_for_replay(message):
            return
        policy = self._policy
        if policy is not None and not policy.matches(message.attributes, message.body):
            if self.on_filtered is not None:
                self.on_filtered(self.sim.env._now, message)
            return
        if self.on_forwarded is not None:
            self.on_forwarded(self.sim.env._now, message)
        dress = self._dress
        if dress is not None:
            message = dress(message)
        send = self._send
        send(message)

    def attempt(self, message: Message) -> str | None:
        """Hand a message to the endpoint; return an error code or None."""
        if self.down:
            error: str | None = UNAVAILABLE
        elif self.refusal is not None:
            error = self.refusal
        else:
            error = self._hand_over(message)
        if error is not None:
            self.note_failure(message, error)
        return error

    def conclude(self, message: Message) -> None:
        """Attempt the first delivery of a message; nearly always the endpoint takes it."""
        if self.down or self.refusal is not None or self.answers_left <= 1:
            self._arrive(message, None)
            return
        hand_over = self._hand_over
        error = hand_over(message)
        if error is not None:
            self.note_failure(message, error)
            self._arrive(message, error)
            return
        self.answers_left -= 1
        if self.on_delivered is not None:
            self.on_delivered(self.sim.env._now, message)

    def note_failure(self, message: Message, error: str) -> None:
        """Announce an attempt that failed."""
        if self.on_attempt_failed is not None:
            self.on_attempt_failed(self.sim.now, message, error)

    def lose_answer(self, message: Message) -> None:
        """Announce that the endpoint took a message and SNS, without an answer, sends it again."""
        self.note_failure(message, UNACKNOWLEDGED)
        if self.on_sent_again is not None:
            self.on_sent_again(self.sim.now, message)

    def settle(self, trip: int, message: Message, error: str | None) -> None:
        """End a trip: delivered, or given up with `error`."""
        del self.travelling[trip]
        copy = self._copies.pop(trip, None) if self._copies else None
        if error is not None:
            self._give_up(message, error, copy)
        elif self.on_delivered is not None:
            self.on_delivered(self.sim.env._now, message)

    def _give_up(self, message: Message, error: str, copy: Copy | None) -> None:
        """Dead-letter or discard; what the endpoint did nevertheless counts as done."""
        now = self.sim.now
        copy = Copy(message, now) if copy is None else copy
        copy.gone = True
        if self._dead_letters is not None:
            refused = self._dead_letters.accept(message)
            if refused is None:
                if self.on_dead_lettered is not None:
                    self.on_dead_lettered(now, copy)
                return
            error = refused
        if self.on_discarded is not None and not copy.completions:
            self.on_discarded(now, message, error)

    def copy_of(self, trip: int, message: Message) -> Copy:
        """Return the copy that an endpoint outside AWS gets, the same at every attempt."""
        found = self._copies.get(trip)
        if found is None:
            found = self._copies[trip] = Copy(message, self.sim.now)
        return found

    # Client-side errors --------------------------------------------------------------------

    def deny(self, error: str) -> None:
        """Let every attempt fail on the client's side: nothing is tried again."""
        self.refusal = error

    def permit(self) -> None:
        """End that; what was given up meanwhile stays given up."""
        self.refusal = None

    def deactivate(self) -> None:
        """Stop: the subscription is back to `PendingConfirmation` and gets nothing more."""
        self.active = False
        self._send = self._unconfirmed

    def _unconfirmed(self, message: Message) -> None:
        if self.on_discarded is not None:
            self.on_discarded(self.sim.now, message, PENDING_CONFIRMATION)

    # Replay --------------------------------------------------------------------------------

    def replay(self, start_ns: int, end_ns: int | None = None, gap_ns: int = 0) -> None:
        """Deliver again what the topic's archive holds (`ReplayPolicy`).

        Args:
            start_ns: `StartingPoint`.
            end_ns: `EndingPoint`, after which new messages are not delivered; None for none.
            gap_ns: time between two replayed messages.

        Raises:
            ValueError: the topic has no archive.
        """
        if self.archive is None:
            raise ValueError(f"{self.name}: the topic has no ArchivePolicy")
        if self._replay is not None:
            self._replay.cancel()
        deliver, miss = self._offer_replayed, self._miss
        self._replay = Replay(self.sim, self.archive, start_ns, end_ns, gap_ns, deliver, miss)
        self._replay.start()

    @property
    def replay_status(self) -> str:
        """`Pending`, `In progress` or `Completed`; empty without a replay policy."""
        return LIVE if self._replay is None else self._replay.status

    def _waits_for_replay(self, message: Message) -> bool:
        """Say whether a new message is not delivered now; it is lost to a paused subscription."""
        replay = self._replay
        assert replay is not None
        if getattr(message, "replayed", False) or replay.live:
            return False
        if replay.paused:
            self._miss(message)
        return True

    def _miss(self, message: Message) -> None:
        if self.on_discarded is not None:
            self.on_discarded(self.sim.now, message, REPLAY_ENDED)

    def _offer_replayed(self, message: Message, published_before: bool) -> None:
        if published_before and self.on_sent_again is not None:
            self.on_sent_again(self.sim.now, message)
        self.offer(message)

    # The ledger ----------------------------------------------------------------------------

    def _undelivered(self, message: Message) -> None:
        raise RuntimeError(f"subscription {self.name} has no courier")

    def _unattended(self, message: Message, error: str | None) -> None:
        self._undelivered(message)

    def holds(self) -> Iterable[tuple[str, Message]]:
        """Yield every message on its way, waiting for the next try, or for its turn in a replay."""
        copies = self._copies
        for message in self.sim.pending(self.conclude):
            yield "in_transit", message
        for trip, message in self.travelling.items():
            if trip not in copies or not copies[trip].completions:
                yield "in_transit", message
        if self._replay is not None:
            for message in self._replay.unread():
                yield "in_transit", message


def _nowhere(message: Message) -> str | None:
    """Refuse: the subscription leads nowhere yet."""
    return UNAVAILABLE


def at_most_ten_attributes(hand_over: HandOver) -> HandOver:
    """Refuse raw messages with more than ten attributes to SQS: a client-side error.

    Source: SNS Developer Guide, sns-large-payload-raw-message-delivery.html.
    """

    def hand_over_raw(message: Message) -> str | None:
        if len(message.attributes) > MAX_RAW_ATTRIBUTES:
            return "InvalidParameter"
        return hand_over(message)

    return hand_over_raw

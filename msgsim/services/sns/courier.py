"""Couriers carry a subscription's messages: over a hop, and again after a server-side error."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgsim.kernel.component import Component
from msgsim.kernel.distributions import Constant
from msgsim.kernel.sampling import BLOCK, NEVER, GeometricGaps, Sampler
from msgsim.kernel.substreams import LAST
from msgsim.model.message import Message
from msgsim.services.sns.delivered import Retried
from msgsim.services.sns.retry import (
    DELIVERY_STREAM_THROTTLED,
    SERVER_SIDE,
    RetryPolicy,
    retry_delays,
)
from msgsim.services.sns.subscription import UNACKNOWLEDGED, Subscription


class Courier:
    """Carries for a standard topic: every message travels alone (infinitely many servers).

    Each hop has a length of its own, so that messages overtake one another. A message that meets
    a server-side error is tried again by the policy, and holds nobody back. So is one whose
    endpoint took it while the answer got lost: that makes the duplicates of at-least-once delivery.

    Args:
        topic: its `slowness` stretches hops, as the subscription's own does.
        subscription: whose messages it carries.
        hop: time from the publish to the hand-over; a constant 0 takes no event.
        retries: the retry policy.
        lost_answers: how many deliveries pass until the answer to one is lost; None for none ever.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        retries: RetryPolicy,
        lost_answers: GeometricGaps | None = None,
    ) -> None:
        self._sim = topic.sim
        self._topic = topic
        self._subscription = subscription
        self._hop = hop
        self._at_once = isinstance(hop.distribution, Constant) and hop.distribution.value == 0
        self._retries = retries
        self._lost_answers = lost_answers
        subscription.answers_left = NEVER if lost_answers is None else lost_answers.draw()

    def take_up(self) -> None:
        """Begin to carry the subscription's messages."""
        alone = type(self).send is Courier.send and not self._at_once
        self._subscription.employ(self._sender() if alone else self.send, self.arrive)

    def send(self, message: Message) -> None:
        """Set out with a message."""
        if self._at_once:
            self.arrive(message)
        else:
            self._sim.once(self.hop_ns(message), self._subscription.conclude, message)

    def _sender(self) -> Callable[[Message], None]:
        """Return what does the same for nearly every delivery of most systems.

        What it needs is looked up once, and the hops of a thousand messages are at hand.
        """
        topic, subscription, block = self._topic, self._subscription, self._hop.block
        once, conclude, hop_of = self._sim.once, subscription.conclude, self.hop_ns
        first, hops = NEVER, list[int]()

        def send(message: Message) -> None:
            nonlocal first, hops
            offset = message.number - first
            if not 0 <= offset < BLOCK:
                hops = block(message.number)
                offset = message.number & LAST
                first = message.number - offset
            if message.tries != 1 or subscription.slowness != 1.0 or topic.slowness != 1.0:
                once(hop_of(message), conclude, message)
            else:
                once(hops[offset], conclude, message)

        return send

    def arrive(self, message: Message, error: str | None = None) -> None:
        """Come to the endpoint with what needs attention: on trips of its own from here on.

        Args:
            message: what travels.
            error: what came of the first attempt, if there was one.
        """
        trip = self._subscription.begin(message)
        if error is None:
            self.deliver(trip, message)
        else:
            self._go_on(trip, message, error, None)

    def hop_ns(self, message: Message) -> int:
        """Return how long this message travels (ns)."""
        hop = self._hop.at(message.number, message.tries)
        slowness = self._subscription.slowness * self._topic.slowness
        return hop if slowness == 1.0 else round(hop * slowness)

    def deliver(self, trip: int, message: Message, delays: Iterator[int] | None = None) -> None:
        """Try until the message is taken, given up, or has to wait for its next try."""
        self._go_on(trip, message, self._subscription.attempt(message), delays)

    def _go_on(
        self, trip: int, message: Message, error: str | None, delays: Iterator[int] | None
    ) -> None:
        """Deal with what came of an attempt."""
        subscription = self._subscription
        while True:
            if error is None:
                subscription.answers_left -= 1
                if subscription.answers_left:
                    break
                message, error = self.lose_answer(message), UNACKNOWLEDGED
            elif error not in SERVER_SIDE:
                break
            if delays is None:
                delays = retry_delays(self._policy_after(error))
            delay = next(delays, None)
            if delay is None:
                break
            if delay:
                self._sim.after(delay, self.deliver, trip, message, delays)
                return
            error = subscription.attempt(message)
        subscription.settle(trip, message, error)

    def _policy_after(self, error: str) -> RetryPolicy:
        """Return the retry policy for a delivery whose first error is this."""
        return self._retries

    def lose_answer(self, message: Message) -> Message:
        """Return what is sent again because the answer to its delivery was lost."""
        assert self._lost_answers is not None
        self._subscription.answers_left = self._lost_answers.draw()
        self._subscription.lose_answer(message)
        return Retried(message)


class DeliveryStreamCourier(Courier):
    """Carries to delivery streams: throttling there is met with the patience for people.

    Source: SNS Developer Guide, sns-message-delivery-retries.html (footnote on Firehose).

    Args:
        patient: the retry policy after a throttled delivery.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        retries: RetryPolicy,
        lost_answers: GeometricGaps | None,
        patient: RetryPolicy,
    ) -> None:
        super().__init__(topic, subscription, hop, retries, lost_answers)
        self._patient = patient

    def _policy_after(self, error: str) -> RetryPolicy:
        return self._patient if error == DELIVERY_STREAM_THROTTLED else self._retries


class _Group:
    """A message group on its way: those travelling, and those at the door behind a failing one."""

    __slots__ = ("at_door", "last_arrival_ns", "name", "travelling")

    def __init__(self, name: str) -> None:
        self.name = name
        self.last_arrival_ns = 0
        self.travelling = 0
        self.at_door: deque[tuple[int, Message]] = deque()


class FifoCourier(Courier):
    """Carries for a FIFO topic: within a message group, first published is first delivered.

    A message arrives after its own hop, but never before the one published ahead of it in its
    group. A server-side error holds the rest of the group back (head-of-line blocking, a labelled
    assumption that follows from the promised order); a client-side error does not.

    Args:
        group_waits: whether a group waits while its first message is being retried.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        retries: RetryPolicy,
        group_waits: bool = True,
        lost_answers: GeometricGaps | None = None,
    ) -> None:
        super().__init__(topic, subscription, hop, retries, lost_answers)
        self._group_waits = group_waits
        self._groups: dict[str, _Group] = {}

    def send(self, message: Message) -> None:
        """Set out with a message, behind the others of its group."""
        trip = self._subscription.begin(message)
        name = message.key.name
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(name)
        now = self._sim.now
        arrival = now if self._at_once else now + self.hop_ns(message)
        if arrival < group.last_arrival_ns:
            arrival = group.last_arrival_ns
        group.last_arrival_ns = arrival
        if arrival == now and not group.travelling:
            self._come_to_door(group, trip, message)
        else:
            group.travelling += 1
            self._sim.at(arrival, self._arrive, group, trip, message)

    def _arrive(self, group: _Group, trip: int, message: Message) -> None:
        group.travelling -= 1
        self._come_to_door(group, trip, message)

    def _come_to_door(self, group: _Group, trip: int, message: Message) -> None:
        group.at_door.append((trip, message))
        if len(group.at_door) == 1:
            self._admit(group)

    def _admit(self, group: _Group, delays: Iterator[int] | None = None) -> None:
        """Hand over the group's messages at the door, in order, until one has to wait."""
        at_door = group.at_door
        while at_door:
            trip, message = at_door[0]
            error = self._subscription.attempt(message)
            delay = None
            if error is None:
                self._subscription.answers_left -= 1
                if not self._subscription.answers_left:
                    message = self.lose_answer(message)
                    at_door[0] = (trip, message)
                    error = UNACKNOWLEDGED
            if error in SERVER_SIDE:
                if delays is None:
                    delays = retry_delays(self._retries)
                delay = next(delays, None)
            if delay == 0:
                continue
            if delay is None:
                self._subscription.settle(trip, message, error)
            elif self._group_waits:
                self._sim.after(delay, self._admit, group, delays)
                return
            else:
                self._sim.after(delay, self.deliver, trip, message, delays)
            at_door.popleft()
            delays = None
        if not group.travelling:
            del self._groups[group.name]

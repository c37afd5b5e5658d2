"""Couriers to endpoints outside AWS: requests that take time, time out, or come too fast."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.waiting import TokenBucket
from msgsim.model.message import Message
from msgsim.services.sns.courier import Courier
from msgsim.services.sns.delivery_policy import DeliveryPolicy
from msgsim.services.sns.endpoint import Endpoint, delivered, retryable
from msgsim.services.sns.retry import SERVER_SIDE, RetryPolicy, retry_delays
from msgsim.services.sns.subscription import UNAVAILABLE, Subscription

THROTTLED = "Throttled"
TIMED_OUT = "Timeout"


class _Trip:
    """One message on its way to an endpoint, through all its attempts."""

    __slots__ = ("delays", "message", "number")

    def __init__(self, number: int, message: Message, delays: Iterator[int]) -> None:
        self.number = number
        self.message = message
        self.delays = delays


class OutsideCourier(Courier):
    """Carries to an endpoint outside AWS: every message travels alone, retried by its policy.

    Args:
        endpoint: the receiver.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        retries: RetryPolicy,
        endpoint: Endpoint,
    ) -> None:
        super().__init__(topic, subscription, hop, retries)
        self._endpoint = endpoint

    def deliver(self, trip: int, message: Message, delays: Iterator[int] | None = None) -> None:
        """Make the first attempt."""
        self._begin(_Trip(trip, message, retry_delays(self._retries)))

    def send(self, message: Message) -> None:
        """Set out with a message."""
        trip = self._subscription.begin(message)
        if self._at_once:
            self.deliver(trip, message)
        else:
            self._sim.after(self.hop_ns(message), self.deliver, trip, message)

    def _begin(self, trip: _Trip) -> None:
        """Make an attempt, or let it wait for its turn."""
        self._attempt(trip)

    def _attempt(self, trip: _Trip) -> None:
        raise NotImplementedError

    def _refused(self) -> str | None:
        """Return why the endpoint cannot even be asked, or None."""
        subscription = self._subscription
        return UNAVAILABLE if subscription.down else subscription.refusal

    def _ask(self, trip: _Trip) -> tuple[int | None, int]:
        copy = self._subscription.copy_of(trip.number, trip.message)
        return self._endpoint.request(copy)

    def _arrived(self, trip: _Trip) -> None:
        self._subscription.settle(trip.number, trip.message, None)

    def _failed(self, trip: _Trip, error: str, again: bool) -> None:
        """Try again after the policy's next delay, or give up."""
        self._subscription.note_failure(trip.message, error)
        delay = next(trip.delays, None) if again else None
        if delay is None:
            self._subscription.settle(trip.number, trip.message, error)
        elif delay:
            self._sim.after(delay, self._begin, trip)
        else:
            self._begin(trip)


class WebCourier(OutsideCourier):
    """Carries to HTTP and HTTPS endpoints.

    No answer within 15 s is a failure; 5xx and 429 are tried again by the delivery policy, any
    other error is final. Messages above `maxReceivesPerSecond` wait and use up no retries.
    Source: SNS Developer Guide, sns-message-delivery-retries.html, SendMessageToHttp.prepare.html.

    Args:
        policy: the delivery policy in force.
        timeout_ns: how long SNS waits for an answer.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        endpoint: Endpoint,
        policy: DeliveryPolicy,
        timeout_ns: int,
    ) -> None:
        super().__init__(topic, subscription, hop, policy.retries, endpoint)
        self._timeout_ns = timeout_ns
        self._line: deque[_Trip] = deque()
        rate = policy.receives_per_s
        self._pace = None if rate is None else TokenBucket(rate, rate, self._sim.now)
        self._alarm = self._sim.timer(self._serve)

    def _begin(self, trip: _Trip) -> None:
        if self._pace is None:
            self._attempt(trip)
            return
        self._line.append(trip)
        if len(self._line) == 1:
            self._serve()

    def _serve(self) -> None:
        """Start what may start now; the rest waits for the average rate to allow it."""
        assert self._pace is not None
        line, now = self._line, self._sim.now
        while line and self._pace.take(now):
            self._attempt(line.popleft())
        if line:
            wait_ns = self._pace.wait_ns(now)
            assert wait_ns is not None
            self._alarm.arm(now + wait_ns)

    def _attempt(self, trip: _Trip) -> None:
        refused = self._refused()
        if refused is not None:
            self._failed(trip, refused, refused in SERVER_SIDE)
            return
        time_ns, status = self._ask(trip)
        if time_ns is None or time_ns > self._timeout_ns:
            self._sim.after(self._timeout_ns, self._failed, trip, TIMED_OUT, True)
        elif time_ns:
            self._sim.after(time_ns, self._answered, trip, status)
        else:
            self._answered(trip, status)

    def _answered(self, trip: _Trip, status: int) -> None:
        if delivered(status):
            self._arrived(trip)
        else:
            self._failed(trip, f"HTTP {status}", retryable(status))


class PeopleCourier(OutsideCourier):
    """Carries to people's addresses: e-mail, SMS, mobile push; all of them take what arrives.

    The mail server, carrier or push service counts as failed while the endpoint is down or answers
    5xx, and is tried again for 6 hours. An e-mail subscription above its rate is deactivated; an
    SMS above the account's rate is tried again later. Source: AWS General Reference, SNS quotas;
    re:Post, sns-email-subscription-disabled.

    Args:
        rate: the bucket of the subscription (e-mail) or of the account (SMS); None without one.
        deactivates: whether exceeding the rate ends the subscription.
    """

    def __init__(
        self,
        topic: Component,
        subscription: Subscription,
        hop: Sampler[int],
        retries: RetryPolicy,
        endpoint: Endpoint,
        rate: TokenBucket | None = None,
        deactivates: bool = False,
    ) -> None:
        super().__init__(topic, subscription, hop, retries, endpoint)
        self._rate = rate
        self._deactivates = deactivates

    def send(self, message: Message) -> None:
        """Set out with a message, unless there are too many for a mailbox."""
        if self._deactivates and self._rate is not None and not self._rate.take(self._sim.now):
            self._subscription.deactivate()
            self._subscription.settle(self._subscription.begin(message), message, THROTTLED)
        else:
            super().send(message)

    def _attempt(self, trip: _Trip) -> None:
        refused = self._refused()
        if refused is not None:
            self._failed(trip, refused, refused in SERVER_SIDE)
            return
        limited = self._rate is not None and not self._deactivates
        if limited and self._rate is not None and not self._rate.take(self._sim.now):
            self._failed(trip, THROTTLED, True)
            return
        time_ns, status = self._ask(trip)
        if time_ns is None:
            self._failed(trip, TIMED_OUT, True)
        elif time_ns:
            self._sim.after(time_ns, self._answered, trip, status)
        else:
            self._answered(trip, status)

    def _answered(self, trip: _Trip, status: int) -> None:
        if delivered(status):
            self._arrived(trip)
        else:
            self._failed(trip, f"status {status}", retryable(status))

"""The twins of `AWS/SNS`: what a topic reports about publishes, and about its subscriptions.

Source: SNS Developer Guide, sns-monitoring-using-cloudwatch.html. Nothing is reported for a period
without an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener
from msgsim.observe.cloudwatch.series import Series
from msgsim.observe.cloudwatch.twin import Desk
from msgsim.observe.system import announces

DELIVERED = "NumberOfNotificationsDelivered"


def applies(component: Component) -> bool:
    """Say whether it is a topic or a subscription."""
    return announces(component, "accepted") or announces(component, "forwarded")


def make(component: Any, desk: Desk) -> TopicTwin | SubscriptionTwin:
    """Return the twin of a topic, or of a subscription, which reports for its topic."""
    if announces(component, "accepted"):
        return TopicTwin(component, desk)
    return SubscriptionTwin(component, desk)


class TopicTwin:
    """What is published to one topic."""

    def __init__(self, topic: Any, desk: Desk) -> None:
        self._published = desk.open("AWS/SNS", "NumberOfMessagesPublished", TopicName=topic.name)
        self._size = desk.open("AWS/SNS", "PublishSize", TopicName=topic.name)

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        return {
            "accepted": self._accepted,
            "deduplicated": self._accepted,
            "requested": self._requested,
        }

    def _accepted(self, now: int, message: Any) -> None:
        published = self._published
        if published.value == 1.0 and published.begin <= now < published.end:
            published.run += 1
        else:
            published.add(now)

    def _requested(self, now: int, action: str, items: Sequence[Any], code: str | None) -> None:
        """A batch is one sample of its total size."""
        if code is None and action == "Publish":
            self._size.add(now, items[0].size_bytes)
        elif code is None and action.startswith("Publish"):
            self._size.add(now, sum(message.size_bytes for message in items))

    def period(self, now: int) -> None:
        """Nothing is reported once a period."""


class SubscriptionTwin:
    """What becomes of notifications at one subscription; counted for the topic."""

    def __init__(self, subscription: Any, desk: Desk) -> None:
        self._subscription = subscription
        self._topic = _topic_of(subscription.name, desk)
        self._desk = desk
        self._opened: dict[str, Series] = {}
        self._by_attempt = subscription.protocol in ("http", "https")

    def _add(self, now: int, name: str) -> None:
        series = self._opened.get(name)
        if series is None:
            series = self._desk.open("AWS/SNS", name, TopicName=self._topic)
            self._opened[name] = series
        series.add(now)

    def listeners(self) -> Mapping[str, Listener]:
        """Return what to call, by signal."""
        found: dict[str, Listener] = {
            "delivered": self._delivered_listener(),
            "filtered": self._filtered,
            "dead_lettered": self._dead_lettered,
            "discarded": self._discarded,
        }
        if self._by_attempt:
            found["attempt_failed"] = self._attempt_failed
        return found

    def _delivered_listener(self) -> Listener:
        """Return what hears deliveries; hardly a kind of message is ever replayed."""
        plain: set[type] = set()
        series: Series | None = None
        other = self._delivered

        def delivered(now: int, message: Any) -> None:
            nonlocal series
            kind = message.__class__
            if series is not None and kind in plain and series.begin <= now < series.end:
                series.run += 1
                return
            other(now, message)
            series = self._opened[DELIVERED]
            if getattr(kind, "replayed", False) is False:
                plain.add(kind)

        return delivered

    def _delivered(self, now: int, message: Any) -> None:
        self._add(now, DELIVERED)
        if getattr(message, "replayed", False):
            self._add(now, "NumberOfReplayedNotificationsDelivered")

    def _filtered(self, now: int, message: Any) -> None:
        self._add(now, "NumberOfNotificationsFilteredOut")
        scope = self._subscription.filter_policy_scope
        self._add(now, f"NumberOfNotificationsFilteredOut-{scope}")
        if scope == "MessageAttributes" and not message.attributes:
            self._add(now, "NumberOfNotificationsFilteredOut-NoMessageAttributes")
        elif scope == "MessageBody" and not _is_json(message.body):
            self._add(now, "NumberOfNotificationsFilteredOut-InvalidMessageBody")

    def _attempt_failed(self, now: int, message: Any, code: str) -> None:
        self._add(now, "NumberOfNotificationsFailed")

    def _failed(self, now: int, message: Any) -> None:
        if not self._by_attempt:
            self._add(now, "NumberOfNotificationsFailed")
        if getattr(message, "replayed", False):
            self._add(now, "NumberOfReplayedNotificationsFailed")

    def _dead_lettered(self, now: int, copy: Any) -> None:
        self._failed(now, copy.message)
        self._add(now, "NumberOfNotificationsRedrivenToDlq")

    def _discarded(self, now: int, message: Any, code: str) -> None:
        self._failed(now, message)
        if self._subscription.has_dead_letters:
            self._add(now, "NumberOfNotificationsFailedToRedriveToDlq")

    def period(self, now: int) -> None:
        """Nothing is reported once a period."""


def _topic_of(subscription: str, desk: Desk) -> str:
    entries = (route.entry for route in desk.system.routes if route.via == subscription)
    return next(entries, subscription)


@cache
def _is_json(body: str | None) -> bool:
    try:
        return isinstance(json.loads(body or ""), dict)
    except ValueError:
        return False

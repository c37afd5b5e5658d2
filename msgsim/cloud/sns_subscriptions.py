"""SNS operations on subscriptions: subscribe, unsubscribe, list, attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, QueueEntry, SubscriptionEntry, TopicEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import ACCOUNT, short_name
from msgsim.cloud.lambda_events import TopicDoor
from msgsim.cloud.lambda_functions import FunctionEntry
from msgsim.cloud.mailbox import Mailbox
from msgsim.cloud.paging import page
from msgsim.cloud.sns_archive import read_replay_policy
from msgsim.cloud.sns_quotas import check_policies, check_subscriptions
from msgsim.cloud.sns_topics import refuse
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.sns import rules
from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError

Parameters = Mapping[str, Any]

KIND = "sns.subscription"
MOST_LISTED = 100
KEPT = ("DeliveryPolicy", "SubscriptionRoleArn")
NAMES = (
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "ReplayPolicy",
    *KEPT,
)


class SubscriptionOperations:
    """What can be done to subscriptions. Queues and functions subscribe here: `sqs`, `lambda`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def subscribe(self, p: Parameters) -> dict[str, Any]:
        """Subscribe a queue or function, by ARN, URL or name, or return its subscription."""
        account = self._account
        topic, protocol = account.topic(p["TopicArn"]), p["Protocol"]
        endpoint = self._endpoint(topic, protocol, p.get("Endpoint"))
        given = dict(p.get("Attributes", {}))
        for name, value in given.items():
            self._check(topic, endpoint, name, value, "Attributes Reason: ", protocol)
        _check_policy(given.get("FilterPolicy", ""), given.get("FilterPolicyScope"))
        for existing in topic.subscriptions:
            if existing.endpoint == endpoint.arn:
                return {"SubscriptionArn": _same(existing, given).arn}
        check_subscriptions(topic)
        check_policies(topic, account.subscriptions.values(), given.get("FilterPolicy", ""))
        protocols = [each.protocol for each in topic.subscriptions]
        largest = int(topic.attributes.get("MaximumMessageSize", rules.DEFAULT_BYTES))
        refuse(rules.check_maximum_size(largest, [*protocols, protocol]))
        return {"SubscriptionArn": self._create(topic, endpoint, protocol, given).arn}

    def _endpoint(
        self, topic: TopicEntry, protocol: str, endpoint: str | None
    ) -> QueueEntry | FunctionEntry:
        if not endpoint:
            raise Refused(rules.NO_CODE, "Invalid parameter: Endpoint")
        queue = self._account.queues.get(short_name(endpoint))
        refuse(rules.check_endpoint(protocol, topic.fifo, queue is not None and queue.fifo))
        if protocol == "lambda":
            function = self._account.functions.get(short_name(endpoint))
            if function is None:
                raise Refused(
                    rules.NO_CODE,
                    f"Invalid parameter: Endpoint Reason: there is no function {endpoint}",
                )
            return function
        if protocol != "sqs":
            raise Refused(
                "UnsupportedOperation",
                f"ms.Cloud delivers to queues and functions, not to protocol {protocol}",
            )
        if queue is None:
            raise Refused(
                rules.NO_CODE, f"Invalid parameter: Endpoint Reason: there is no queue {endpoint}"
            )
        return queue

    def _create(
        self,
        topic: TopicEntry,
        queue: QueueEntry | FunctionEntry,
        protocol: str,
        given: dict[str, str],
    ) -> SubscriptionEntry:
        account = self._account
        properties: dict[str, Any] = {
            "TopicArn": topic.name,
            "Protocol": protocol,
            "Endpoint": queue.name,
            "RawMessageDelivery": given.get("RawMessageDelivery", "false").lower(),
            "FilterPolicyScope": given.get("FilterPolicyScope", "MessageAttributes"),
        }
        if given.get("FilterPolicy"):
            properties["FilterPolicy"] = json.loads(given["FilterPolicy"])
        component, spec = account.build(KIND, f"{topic.name}.{queue.name}", properties)
        number = len(account.subscriptions) + topic.deleted
        arn = f"{topic.arn}:{account.ids.of(f'{component.name}/{number}')}"
        entry = SubscriptionEntry(arn, topic, protocol, queue.arn, component, {})
        taker: Any = (
            TopicDoor(account, entry, queue)
            if isinstance(queue, FunctionEntry)
            else Mailbox(account, entry, queue)
        )

        def find(name: str) -> Any:
            return topic.topic if name == spec.TopicArn else taker

        account.connect(KIND, component, spec, find)
        entry.attributes.update(given)
        if given.get("RedrivePolicy"):
            entry.subscription.set_dead_letters(self._dead_letters(entry, given["RedrivePolicy"]))
        account.observe(component)
        topic.subscriptions.append(entry)
        account.subscriptions[arn] = entry
        if given.get("ReplayPolicy"):
            self._replay(entry, given["ReplayPolicy"])
        return entry

    def _replay(self, entry: SubscriptionEntry, text: str) -> None:
        start_ns, end_ns = read_replay_policy(text)
        rate = float(self._account.assumption(KIND, "replay_rate"))
        entry.subscription.replay(start_ns, end_ns, round(NS_PER_S / rate))

    def _dead_letters(self, entry: SubscriptionEntry, text: str) -> Mailbox | None:
        if not text:
            return None
        target = self._account.queues[short_name(json.loads(text)["deadLetterTargetArn"])]
        return Mailbox(self._account, entry, target)

    def _check(
        self,
        topic: TopicEntry,
        queue: QueueEntry | FunctionEntry | None,
        name: str,
        value: str,
        where: str,
        protocol: str,
    ) -> None:
        if name not in NAMES:
            raise Refused(rules.NO_CODE, "Invalid parameter: AttributeName")
        if name == "RawMessageDelivery":
            refuse(rules.check_raw(value, protocol))
        elif name == "RedrivePolicy" and value:
            self._check_redrive(queue, value, where)
        elif name == "ReplayPolicy" and value:
            read_replay_policy(value)
            if not topic.fifo or topic.topic.archive is None:
                raise Refused(rules.NO_CODE, f"Invalid parameter: {where}{name}: no archive")

    def _check_redrive(
        self, queue: QueueEntry | FunctionEntry | None, text: str, where: str
    ) -> None:
        try:
            policy = json.loads(text)
        except ValueError:
            policy = None
        if not isinstance(policy, dict):
            raise Refused(
                rules.NO_CODE, f"Invalid parameter: {where}RedrivePolicy: failed to parse JSON."
            )
        target = self._account.queues.get(short_name(str(policy.get("deadLetterTargetArn", ""))))
        fifo_endpoint = queue is not None and queue.fifo
        refuse(rules.check_redrive(policy, fifo_endpoint, target is not None and target.fifo))
        if target is None:
            raise Refused(
                rules.NO_CODE,
                f"Invalid parameter: {where}RedrivePolicy: deadLetterTargetArn is an invalid arn",
            )

    def unsubscribe(self, p: Parameters) -> None:
        """Deliver nothing more; what is on its way still arrives. Unsubscribing twice succeeds."""
        try:
            entry = self._account.subscription(p["SubscriptionArn"])
        except Refused as refused:
            if refused.code == "NotFound":
                return
            raise
        entry.topic.topic.unsubscribe(entry.subscription)
        entry.topic.subscriptions.remove(entry)
        entry.topic.deleted += 1
        del self._account.subscriptions[entry.arn]

    def list_subscriptions(self, p: Parameters) -> dict[str, Any]:
        """Return every subscription, in the order of their creation."""
        found = [_listed(entry) for entry in self._account.subscriptions.values()]
        return page("Subscriptions", found, p, MOST_LISTED)

    def list_subscriptions_by_topic(self, p: Parameters) -> dict[str, Any]:
        """Return the subscriptions of a topic."""
        entry = self._account.topic(p["TopicArn"])
        return page(
            "Subscriptions", [_listed(each) for each in entry.subscriptions], p, MOST_LISTED
        )

    def get_subscription_attributes(self, p: Parameters) -> dict[str, Any]:
        """Return every attribute of a subscription."""
        entry = self._account.subscription(p["SubscriptionArn"])
        attributes = {
            "SubscriptionArn": entry.arn,
            "TopicArn": entry.topic.arn,
            "Owner": ACCOUNT,
            "Protocol": entry.protocol,
            "Endpoint": entry.endpoint,
            "PendingConfirmation": "false",
            "ConfirmationWasAuthenticated": "true",
            "RawMessageDelivery": "false",
            "SubscriptionPrincipal": f"arn:aws:iam::{ACCOUNT}:user/msgsim",
            **entry.attributes,
        }
        if entry.subscription.replay_status:
            attributes["ReplayStatus"] = entry.subscription.replay_status
        if "FilterPolicy" in entry.attributes:
            attributes.setdefault("FilterPolicyScope", "MessageAttributes")
        return {"Attributes": attributes}

    def set_subscription_attributes(self, p: Parameters) -> None:
        """Change one attribute; an empty filter or redrive policy takes it away."""
        entry = self._account.subscription(p["SubscriptionArn"])
        name, value = p["AttributeName"], p.get("AttributeValue", "")
        queue = self._account.queues.get(short_name(entry.endpoint))
        self._check(entry.topic, queue, name, value, "", entry.protocol)
        attributes = {**entry.attributes, name: value}
        if name in ("FilterPolicy", "FilterPolicyScope"):
            policy = _check_policy(
                attributes.get("FilterPolicy", ""), attributes.get("FilterPolicyScope")
            )
            if "FilterPolicy" not in entry.attributes:
                check_policies(entry.topic, self._account.subscriptions.values(), value)
            entry.subscription.set_filter_policy(policy)
        elif name == "RawMessageDelivery":
            entry.subscription.set_raw(value.lower() == "true")
        elif name == "RedrivePolicy":
            entry.subscription.set_dead_letters(self._dead_letters(entry, value))
        elif name == "ReplayPolicy" and value:
            self._replay(entry, value)
        entry.attributes[name] = value
        if not value:
            del entry.attributes[name]


def _check_policy(text: str, scope: str | None) -> FilterPolicy | None:
    try:
        policy = FilterPolicy.parse(text, scope or "MessageAttributes")  # type: ignore[arg-type]
    except FilterPolicyError as error:
        raise Refused(rules.NO_CODE, f"Invalid parameter: {error}") from None
    return policy if text else None


def _same(entry: SubscriptionEntry, given: Mapping[str, str]) -> SubscriptionEntry:
    defaults = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}
    for name, value in given.items():
        if entry.attributes.get(name, defaults.get(name, "")) != value:
            raise Refused(
                rules.NO_CODE,
                "Invalid parameter: Attributes Reason: Subscription already exists with different "
                "attributes",
            )
    return entry


def _listed(entry: SubscriptionEntry) -> dict[str, str]:
    return {
        "SubscriptionArn": entry.arn,
        "Owner": ACCOUNT,
        "Protocol": entry.protocol,
        "Endpoint": entry.endpoint,
        "TopicArn": entry.topic.arn,
    }

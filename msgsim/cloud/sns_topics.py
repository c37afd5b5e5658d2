"""SNS operations on topics: create, delete, list, attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgsim.cloud.account import Account, TopicEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import ACCOUNT, iso_time
from msgsim.cloud.paging import page
from msgsim.cloud.sns_archive import read_archive_policy
from msgsim.cloud.sns_quotas import check_topics
from msgsim.services.sns import rules

Parameters = Mapping[str, Any]

MOST_LISTED = 100
KEPT = (
    "DisplayName",
    "Policy",
    "DeliveryPolicy",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
)
"""Attributes about access, encryption, other protocols: kept and shown, without effect here."""

FIFO_ONLY = ("ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
SPECIFIED = ("ContentBasedDeduplication", "FifoThroughputScope", "MaximumMessageSize")
FLAGS = ("true", "false")
SCOPES = ("Topic", "MessageGroup")


class TopicOperations:
    """What can be done to topics."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create_topic(self, p: Parameters) -> dict[str, Any]:
        """Create a topic, or return the ARN of one with the same name and attributes."""
        account, name = self._account, p["Name"]
        given = {key: str(value) for key, value in p.get("Attributes", {}).items()}
        fifo = given.pop("FifoTopic", "false").lower() == "true"
        refuse(rules.check_topic_name(name, fifo))
        for key, value in given.items():
            check_attribute(key, value, fifo, ())
        found = account.topics.get(name)
        if found is None:
            check_topics(account.topics.values(), fifo)
            found = self._create(name, given, fifo)
        elif any(found.attributes.get(key, "") != value for key, value in given.items()):
            raise Refused(
                rules.NO_CODE,
                "Invalid parameter: Attributes Reason: Topic already exists with different "
                "attributes",
            )
        return {"TopicArn": found.arn}

    def _create(self, name: str, given: dict[str, str], fifo: bool) -> TopicEntry:
        account = self._account
        attributes = {"DisplayName": ""}
        if fifo:
            attributes |= {"FifoTopic": "true", "ContentBasedDeduplication": "false"}
            attributes |= {"FifoThroughputScope": "Topic"}
        attributes |= given
        properties: dict[str, Any] = {"FifoTopic": fifo}
        properties |= {key: attributes[key] for key in SPECIFIED if key in attributes}
        component, _ = account.build("sns.topic", name, properties)
        entry = TopicEntry(name, account.place.topic_arn(name), component, attributes)
        _apply_archive(entry)
        account.observe(component)
        account.topics[name] = entry
        return entry

    def delete_topic(self, p: Parameters) -> None:
        """Delete a topic and its subscriptions; deleting one that is gone succeeds."""
        try:
            entry = self._account.topic(p["TopicArn"])
        except Refused as refused:
            if refused.code == "NotFound":
                return
            raise
        if entry.fifo and entry.topic.archive is not None:
            raise Refused("InvalidState", "A topic with an active ArchivePolicy stays")
        for subscription in entry.subscriptions:
            entry.topic.unsubscribe(subscription.subscription)
            del self._account.subscriptions[subscription.arn]
        del self._account.topics[entry.name]

    def list_topics(self, p: Parameters) -> dict[str, Any]:
        """Return the ARNs of the topics, by name."""
        topics = self._account.topics
        arns = [{"TopicArn": topics[name].arn} for name in sorted(topics)]
        return page("Topics", arns, p, MOST_LISTED)

    def get_topic_attributes(self, p: Parameters) -> dict[str, Any]:
        """Return every attribute of a topic."""
        entry = self._account.topic(p["TopicArn"])
        attributes = {
            "TopicArn": entry.arn,
            "Owner": ACCOUNT,
            "Policy": _policy(entry.arn),
            "SubscriptionsConfirmed": str(len(entry.subscriptions)),
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": str(entry.deleted),
            **entry.attributes,
        }
        if entry.fifo and entry.topic.archive is not None:
            oldest = entry.topic.archive.beginning_ns(self._account.sim.now)
            attributes["BeginningArchiveTime"] = iso_time(oldest)
        return {"Attributes": attributes}

    def set_topic_attributes(self, p: Parameters) -> None:
        """Change one attribute of a topic, at once."""
        entry = self._account.topic(p["TopicArn"])
        name, value = p["AttributeName"], p.get("AttributeValue", "")
        if name == "FifoTopic":
            raise Refused(rules.NO_CODE, "Invalid parameter: AttributeName")
        protocols = [each.protocol for each in entry.subscriptions]
        check_attribute(name, value, entry.fifo, protocols)
        if name == "FifoThroughputScope" and value != entry.attributes[name]:
            _spread(entry, value)
        if name == "MaximumMessageSize":
            entry.topic.largest_bytes = int(value)
        elif name == "ContentBasedDeduplication":
            entry.topic.set_content_based(value == "true")
        entry.attributes[name] = value
        if name == "ArchivePolicy":
            _apply_archive(entry)


def _spread(entry: TopicEntry, scope: str) -> None:
    """Turn high throughput on; there is no way back (fifo-high-throughput.html)."""
    if scope == "Topic":
        raise Refused(
            rules.NO_CODE,
            "Invalid parameter: FifoThroughputScope Reason: MessageGroup cannot be reverted",
        )
    entry.topic.spread_over_groups()


def _apply_archive(entry: TopicEntry) -> None:
    """Begin or end archiving as the attribute says; no policy and an empty one end it."""
    if entry.fifo:
        entry.topic.set_archive(read_archive_policy(entry.attributes.get("ArchivePolicy", "")))


def check_attribute(
    name: str, value: str, fifo: bool, protocols: list[str] | tuple[str, ...]
) -> None:
    """Refuse an attribute that a topic of this type does not have, or a value out of range.

    Raises:
        Refused: `InvalidParameter`; `UnsupportedOperation` for what is not offered here.
    """
    if name in KEPT:
        return
    if name in FIFO_ONLY and not fifo:
        raise Refused(rules.NO_CODE, "Invalid parameter: AttributeName")
    if name == "MaximumMessageSize":
        size = int(value) if value.isdecimal() else 0
        refuse(rules.check_maximum_size(size, protocols))
    elif name == "ContentBasedDeduplication":
        _one_of(name, value, FLAGS)
    elif name == "FifoThroughputScope":
        _one_of(name, value, SCOPES)
    elif name == "ArchivePolicy":
        read_archive_policy(value)
    else:
        raise Refused(rules.NO_CODE, "Invalid parameter: AttributeName")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Refused(
            rules.NO_CODE,
            f"Invalid parameter: {name} Reason: {value} is not one of {', '.join(allowed)}",
        )


def refuse(refusal: rules.Refusal | None) -> None:
    """Raise what a rule refuses.

    Raises:
        Refused: unless the rule accepts.
    """
    if refusal is not None:
        raise Refused(refusal.code, refusal.message)


def _policy(arn: str) -> str:
    """Return the access policy of a new topic: its owner may do everything."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Subscribe", "SNS:Publish"],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": ACCOUNT}},
    }
    return json.dumps({"Version": "2008-10-17", "Statement": [statement]})

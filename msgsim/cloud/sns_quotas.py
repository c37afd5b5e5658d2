"""How many topics, subscriptions and filter policies an account may have, and AWS's refusals."""

from __future__ import annotations

from collections.abc import Iterable

from msgsim.cloud.account import SubscriptionEntry, TopicEntry
from msgsim.cloud.errors import Refused
from msgsim.services.sns.spec import TOPIC_PAGE

TOPICS = {False: TOPIC_PAGE.quota("topics"), True: TOPIC_PAGE.quota("fifo_topics")}
SUBSCRIPTIONS = {
    False: TOPIC_PAGE.quota("subscriptions"),
    True: TOPIC_PAGE.quota("fifo_subscriptions"),
}
POLICIES_OF_A_TOPIC: int = TOPIC_PAGE.quota("filter_policies")
POLICIES_OF_THE_ACCOUNT: int = TOPIC_PAGE.quota("account_filter_policies")


def check_topics(topics: Iterable[TopicEntry], fifo: bool) -> None:
    """Refuse one more topic of its type than the account may have."""
    most = TOPICS[fifo]
    if sum(1 for topic in topics if topic.fifo == fifo) >= most:
        raise Refused("TopicLimitExceeded", f"The account already has {most} topics of this type")


def check_subscriptions(topic: TopicEntry) -> None:
    """Refuse one more subscription than the topic may have."""
    most = SUBSCRIPTIONS[topic.fifo]
    if len(topic.subscriptions) >= most:
        raise Refused("SubscriptionLimitExceeded", f"The topic already has {most} subscriptions")


def check_policies(
    topic: TopicEntry, subscriptions: Iterable[SubscriptionEntry], policy: str
) -> None:
    """Refuse one more filter policy than topic and account may have; none is always accepted."""
    if not policy:
        return
    if _with_policy(topic.subscriptions) >= POLICIES_OF_A_TOPIC:
        most, whose = POLICIES_OF_A_TOPIC, "topic"
    elif _with_policy(subscriptions) >= POLICIES_OF_THE_ACCOUNT:
        most, whose = POLICIES_OF_THE_ACCOUNT, "account"
    else:
        return
    raise Refused("FilterPolicyLimitExceeded", f"The {whose} already has {most} filter policies")


def _with_policy(subscriptions: Iterable[SubscriptionEntry]) -> int:
    return sum(1 for entry in subscriptions if "FilterPolicy" in entry.attributes)

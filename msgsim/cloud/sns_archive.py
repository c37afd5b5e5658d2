"""Archive and replay of FIFO topics: `ArchivePolicy` of a topic, `ReplayPolicy` of a subscription.

Source: SNS Developer Guide, message-archiving-and-replay-topic-owner.html, …-subscriber.html.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import EPOCH_S
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.sns import rules

NS_PER_DAY = 86_400 * NS_PER_S
SHORTEST_DAYS, LONGEST_DAYS = 1, 365
POINT_TYPE = "Timestamp"


def read_archive_policy(text: str) -> int | None:
    """Return how long a topic keeps messages (ns); None where the policy ends archiving.

    Raises:
        Refused: not a policy, or not 1 to 365 days.
    """
    policy = _document("ArchivePolicy", text)
    if not policy:
        return None
    days = str(policy.get("MessageRetentionPeriod", ""))
    if not days.isdecimal() or not SHORTEST_DAYS <= int(days) <= LONGEST_DAYS:
        raise _invalid("ArchivePolicy", "MessageRetentionPeriod must be 1 to 365 days")
    return int(days) * NS_PER_DAY


def read_replay_policy(text: str) -> tuple[int, int | None]:
    """Return starting and ending point of a replay, in virtual time (ns).

    Raises:
        Refused: not a policy, or its points are no times of day.
    """
    policy = _document("ReplayPolicy", text)
    if policy.get("PointType") != POINT_TYPE or "StartingPoint" not in policy:
        raise _invalid("ReplayPolicy", "PointType must be Timestamp, with a StartingPoint")
    ending = policy.get("EndingPoint")
    return _moment(policy["StartingPoint"]), None if ending is None else _moment(ending)


def _moment(text: Any) -> int:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise _invalid("ReplayPolicy", f"{text} is not a timestamp") from None
    since = found.replace(tzinfo=found.tzinfo or UTC) - datetime.fromtimestamp(EPOCH_S, UTC)
    return max(0, round(since.total_seconds() * 1_000) * 1_000_000)


def _document(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _invalid(name, "failed to parse JSON")
    return found


def _invalid(name: str, why: str) -> Refused:
    return Refused(rules.NO_CODE, f"Invalid parameter: {name} Reason: {why}")

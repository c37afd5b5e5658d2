"""Topics and subscriptions that AWS refuses or that are worth a word."""

from __future__ import annotations

from typing import Any

import pytest

from msgsim.model.spec import FieldError
from msgsim.services.sns.spec import SubscriptionSpec
from tests.services.hand_built import codes, findings
from tests.services.topic_built import FIFO_QUEUE, FIFO_TOPIC, QUEUE, TOPIC, to


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q")}, []),
        ({"Orders": FIFO_TOPIC, "Q": FIFO_QUEUE, "S": to("Q")}, []),
        ({"Orders": FIFO_TOPIC, "Q": QUEUE, "S": to("Q")}, []),
        ({"Orders": TOPIC, "Q": FIFO_QUEUE, "S": to("Q")}, ["E242"]),
        ({"Orders": FIFO_TOPIC, "Q": QUEUE, "S": to("Q", "lambda")}, ["E241"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", "lambda")}, ["E240"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicy={"a": []})}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicy=["a"])}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q", FilterPolicyScope="Body")}, ["E244"]),
        ({"Orders": TOPIC, "Q": QUEUE, "S": to("Q"), "S2": to("Q")}, ["E247"]),
        ({"Orders": TOPIC}, ["W340"]),
        (
            {"Orders": {**TOPIC, "ContentBasedDeduplication": "true"}, "Q": QUEUE, "S": to("Q")},
            ["E246"],
        ),
        (
            {"Orders": {**FIFO_TOPIC, "FifoThroughputScope": "Group"}, "Q": QUEUE, "S": to("Q")},
            ["E204"],
        ),
        (
            {"Orders": FIFO_TOPIC, **{f"Q{i}": QUEUE for i in range(101)}}
            | {f"S{i}": to(f"Q{i}") for i in range(101)},
            ["E248"],
        ),
    ],
)
def test_findings(resources: dict[str, Any], expected: list[str]) -> None:
    assert codes(resources) == expected


@pytest.mark.parametrize(
    ("topic", "endpoint", "dead_letters", "expected"),
    [
        (FIFO_TOPIC, FIFO_QUEUE, FIFO_QUEUE, []),
        (FIFO_TOPIC, FIFO_QUEUE, QUEUE, ["E243"]),
        (FIFO_TOPIC, QUEUE, FIFO_QUEUE, ["E243"]),
        (FIFO_TOPIC, QUEUE, QUEUE, []),
        (TOPIC, QUEUE, FIFO_QUEUE, ["E243"]),
    ],
)
def test_a_dead_letter_queue_has_the_type_of_the_endpoint(
    topic: Any, endpoint: Any, dead_letters: Any, expected: list[str]
) -> None:
    """SNS Developer Guide, fifo-message-durability.html."""
    subscription = to("Q", RedrivePolicy={"deadLetterTargetArn": "D"})
    resources = {"Orders": topic, "Q": endpoint, "D": dead_letters, "S": subscription}
    assert codes(resources) == expected


def test_a_dead_letter_queue_is_not_its_own_endpoint() -> None:
    subscription = to("Q", RedrivePolicy={"deadLetterTargetArn": "Q"})
    assert codes({"Orders": TOPIC, "Q": QUEUE, "S": subscription}) == ["E243"]


def test_the_refusal_of_a_fifo_queue_quotes_aws() -> None:
    (finding,) = findings({"Orders": TOPIC, "Q": FIFO_QUEUE, "S": to("Q")})
    assert "FIFO SQS Queues can not be subscribed to standard SNS topics" in finding.message


def test_other_protocols_are_refused_clearly() -> None:
    with pytest.raises(ValueError) as raised:
        SubscriptionSpec.model_validate(
            {"TopicArn": "Orders", "Protocol": "x", "Endpoint": "me@example.com"}
        )
    (error,) = raised.value.errors()  # type: ignore[attr-defined]
    assert isinstance(error["ctx"]["error"], FieldError)
    assert error["ctx"]["error"].code == "E241"

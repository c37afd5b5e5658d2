"""Topics, queues and subscriptions in few words, for tests of topics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgsim.model.message import Message

TOPIC = {"type": "sns.topic"}
FIFO_TOPIC = {"type": "sns.topic", "FifoTopic": "true", "ContentBasedDeduplication": "true"}
QUEUE = {"type": "sqs.queue"}
FIFO_QUEUE = {"type": "sqs.queue", "FifoQueue": "true"}


def to(endpoint: str, protocol: str = "sqs", **more: Any) -> dict[str, Any]:
    return {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": protocol,
        "Endpoint": endpoint,
        **more,
    }


def always(error: str | None) -> Callable[[float, Message], str | None]:
    return lambda now_s, message: error

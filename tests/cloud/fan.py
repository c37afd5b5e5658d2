"""Random filter policies and random messages, in both worlds."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.cloud.side_by_side import REGION, Both


class Fan:
    """A topic with random subscriptions in both worlds, and random messages to it.

    `String.Array` and `equals-ignore-case` are left out: `MOTO.md` lists them.
    """

    def __init__(self, world: Both, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.topic = f"arn:aws:sns:{REGION}:123456789012:news"
        world.call("sns", "create_topic", Name="news")
        self.queues = [f"q{index}" for index in range(3)]
        self.policies: list[Any] = []

    def subscribe(self) -> list[tuple[str, Any, Any]]:
        """Subscribe every queue with a policy; return what the worlds said differently."""
        different = []
        for name in self.queues:
            self.world.queue(name)
            policy = {key: self._clause() for key in self.chance.sample(("a", "b", "c"), 2)}
            self.policies.append(policy)
            answers = self.world.call(
                "sns",
                "subscribe",
                TopicArn=self.topic,
                Protocol="sqs",
                Endpoint=f"arn:aws:sqs:{REGION}:123456789012:{name}",
                Attributes={"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"},
            )
            ours, theirs = (answer if isinstance(answer, str) else "ok" for answer in answers)
            if ours != theirs:
                different.append((json.dumps(policy), ours, theirs))
        return different

    def _clause(self) -> list[Any]:
        pick = self.chance
        word = pick.choice(("red", "green", "redder"))
        low = pick.randrange(5)
        return pick.sample(
            (
                word,
                low,
                {"prefix": word[:3]},
                {"suffix": word[-2:]},
                {"anything-but": [word]},
                {"anything-but": {"prefix": word[:2]}},
                {"numeric": [">", low, "<=", low + 2]},
                {"numeric": ["=", low]},
                {"exists": pick.random() < 0.7},
            ),
            k=pick.choice((1, 1, 2)),
        )

    def publish(self, count: int) -> None:
        """Publish messages with random attributes."""
        for number in range(count):
            attributes = {
                key: self._attribute() for key in ("a", "b", "c") if self.chance.random() < 0.8
            }
            self.world.call(
                "sns",
                "publish",
                TopicArn=self.topic,
                Message=f"{number} {json.dumps(attributes)}",
                MessageAttributes=attributes,
            )

    def _attribute(self) -> dict[str, str]:
        pick = self.chance
        if pick.random() < 0.4:
            return {"DataType": "Number", "StringValue": pick.choice(("0", "1", "2", "3.0", "4"))}
        return {"DataType": "String", "StringValue": pick.choice(("red", "green", "redder"))}

    def delivered(self) -> list[tuple[Any, Any, Any]]:
        """Return policy, and what arrived in each world, for every queue."""
        return [
            (policy, *self.world.receive(name))
            for name, policy in zip(self.queues, self.policies, strict=True)
        ]

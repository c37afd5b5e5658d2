"""A cloud with the clients of SQS, SNS and Lambda, and calls of functions in few words."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud.hands import Hands


class Room(Hands):
    """A cloud with the three clients."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lam = self.cloud.client("lambda")

    def function(self, name: str, code: Any, time: Any = 0, **more: Any) -> str:
        return self.lam.create_function(
            FunctionName=name, Code={"callable": code, "time": time}, **more
        )["FunctionArn"]

    def map(self, queue: str = "orders", function: str = "fn", **more: Any) -> str:
        return self.lam.create_event_source_mapping(
            EventSourceArn=queue, FunctionName=function, **more
        )["UUID"]

    def call(self, name: str = "fn", payload: Any = None, **more: Any) -> Any:
        answer = self.lam.invoke(FunctionName=name, Payload=json.dumps(payload), **more)
        return json.loads(answer["Payload"].read())


def bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]

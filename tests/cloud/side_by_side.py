"""moto and ms.Cloud driven by the same calls, under one clock that the test moves."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any

import msgsim as ms
from msgsim.cloud.errors import client_error_class

REGION = "us-east-1"
START = "2026-01-01T00:00:00Z"


class Both:
    """Two worlds with the same names in them: ours first, moto's second."""

    def __init__(self, frozen: Any) -> None:
        import boto3

        self.cloud = ms.Cloud(seed=1)
        self._frozen = frozen
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self._clients = {
            service: (
                self.cloud.client(service),
                boto3.client(service, region_name=REGION, **keys),
            )
            for service in ("sqs", "sns")
        }
        self.handles: list[tuple[str, str, str]] = []
        self.message_ids: list[str] = []

    def advance(self, seconds: float) -> None:
        """Move both clocks."""
        self.cloud.advance(seconds)
        self._frozen.tick(timedelta(seconds=seconds))

    def call(self, service: str, operation: str, **parameters: Any) -> tuple[Any, Any]:
        """Make one call in both worlds; an answer is a response, or an error code as text."""
        ours, theirs = self._clients[service]
        return _call(ours, operation, parameters), _call(theirs, operation, parameters)

    def queue(self, name: str, **attributes: Any) -> str:
        """Create a queue in both worlds; return its URL, which is the same in both."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        text = {key: str(value) for key, value in attributes.items()}
        ours, theirs = self.call("sqs", "create_queue", QueueName=name, Attributes=text)
        assert ours["QueueUrl"] == theirs["QueueUrl"] == self.url(name)
        return name

    def on(self, name: str, operation: str, **parameters: Any) -> tuple[Any, Any]:
        """Make one SQS call on a queue in both worlds, receipt handles translated."""
        return self.call("sqs", operation, QueueUrl=self.url(name), **parameters)

    def url(self, name: str) -> str:
        """Return the URL under which both worlds know a queue."""
        return f"https://sqs.{REGION}.amazonaws.com/123456789012/{name}"

    def receive(self, name: str, most: int = 10, **more: Any) -> tuple[Any, Any]:
        """Receive in both worlds; the answers are bodies with receive counts and groups."""
        answers = self.on(
            name,
            "receive_message",
            MaxNumberOfMessages=most,
            MessageSystemAttributeNames=["All"],
            WaitTimeSeconds=0,
            **more,
        )
        answers = tuple(_in_promised_order(answer, name) for answer in answers)
        seen = tuple(_seen(answer) for answer in answers)
        if seen[0] == seen[1] and isinstance(seen[0], list):
            for mine, other in zip(*answers, strict=True):
                self.handles.append((name, mine["ReceiptHandle"], other["ReceiptHandle"]))
                self.message_ids.append(mine["MessageId"])
        return seen  # type: ignore[return-value]

    def with_handle(self, index: int, operation: str, **parameters: Any) -> tuple[Any, Any]:
        """Use a receipt that both worlds gave out; the answers are error codes or `ok`."""
        name, mine, other = self.handles[index]
        answers = []
        for client, handle in zip(self._clients["sqs"], (mine, other), strict=True):
            found = _call(
                client,
                operation,
                {"QueueUrl": self.url(name), "ReceiptHandle": handle, **parameters},
            )
            answers.append(found if isinstance(found, str) else "ok")
        return answers[0], answers[1]

    def counts(self, name: str) -> tuple[Any, Any]:
        """Return visible, in flight and delayed in both worlds."""
        kinds = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        answers = self.on(name, "get_queue_attributes", AttributeNames=kinds)
        return tuple(  # type: ignore[return-value]
            answer if isinstance(answer, str) else [answer["Attributes"][kind] for kind in kinds]
            for answer in answers
        )


def _call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
    try:
        return getattr(client, operation)(**parameters)
    except client_error_class() as error:
        return str(error.response["Error"]["Code"])  # type: ignore[attr-defined]


def _seen(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer
    return [
        (
            message["Body"],
            int(message["Attributes"]["ApproximateReceiveCount"]),
            message["Attributes"].get("MessageGroupId"),
        )
        for message in answer
    ]


def _in_promised_order(answer: Any, name: str) -> Any:
    """Sort received messages as far as nothing is promised: FIFO queues order groups only."""
    if isinstance(answer, str):
        return answer
    rank = _group if name.endswith(".fifo") else itemgetter("Body")
    return sorted(answer.get("Messages", ()), key=rank)


def _group(message: Any) -> str:
    return str(message["Attributes"]["MessageGroupId"])


@contextmanager
def both():
    """Open both worlds at the same frozen moment."""
    from freezegun import freeze_time
    from moto import mock_aws

    with freeze_time(START) as frozen, mock_aws():
        yield Both(frozen)


def redrive(name: str, count: int) -> str:
    """Return a RedrivePolicy to a queue by its name."""
    arn = f"arn:aws:sqs:{REGION}:123456789012:{name}"
    return f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{count}}}'


class Walk:
    """A random sequence of SQS operations, until the two worlds answer differently.

    Before it does something for which a difference is listed in `MOTO.md`, it notes the listed
    name in `dared`: from then on a difference is explained. Without that, none is.

    Attributes:
        trace: what was done, and what both answered.
        dared: names of listed differences that may show.
    """

    def __init__(self, world: Both, seed: int, fifo: bool, redriven: bool) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.fifo = fifo
        self.redriven = redriven
        self.dared: set[str] = set()
        self.trace: list[tuple[str, dict[str, Any], Any, Any]] = []
        suffix = ".fifo" if fifo else ""
        self.name, self.dead = f"orders{suffix}", f"dead{suffix}"
        self.timeout_s = 120 if fifo else self.chance.choice([5, 10, 30])
        attributes: dict[str, Any] = {"VisibilityTimeout": self.timeout_s}
        if fifo:
            attributes["ContentBasedDeduplication"] = "true"
        world.queue(self.dead, **attributes)
        if not fifo:
            attributes["DelaySeconds"] = self.chance.choice([0, 0, 3])
        if redriven:
            attributes["RedrivePolicy"] = redrive(self.dead, 2)
        world.queue(self.name, **attributes)
        self._sent = 0
        self._held: list[Held] = []
        self._ids: dict[str, str] = {}
        self._gone_ids: set[str] = set()

    def go(self, steps: int) -> bool:
        """Take steps; True when the worlds agreed in every one."""
        return all(self.step() for _ in range(steps))

    def step(self) -> bool:
        """Do one thing in both worlds and compare."""
        kind = self.chance.choice(
            ["send", "send", "receive", "receive", "delete", "change", "advance", "counts"]
        )
        parameters, (ours, theirs) = getattr(self, f"_{kind}")()
        self.trace.append((kind, parameters, ours, theirs))
        self.world.advance(0.001)  # nothing is asked at the very instant at which something ends
        return bool(ours == theirs)

    def _send(self) -> Any:
        pick = self.chance
        if self._sent >= 9:
            return self._advance()
        self._sent += 1
        parameters: dict[str, Any] = {"MessageBody": f"{self._sent}"}
        if self.fifo:
            parameters["MessageGroupId"] = pick.choice(["g1", "g2", "g3"])
            again = parameters["MessageDeduplicationId"] = str(pick.randrange(30))
            if again in self._gone_ids:
                self.dared.add("repeat-after-delete-fifo")
        elif pick.random() < 0.2:
            parameters["DelaySeconds"] = pick.choice([0, 2, 20])
        answers = self.world.on(self.name, "send_message", **parameters)
        if self.fifo and not isinstance(answers[0], str):
            self._ids[answers[0]["MessageId"]] = parameters["MessageDeduplicationId"]
        return parameters, [
            answer if isinstance(answer, str) else answer["MD5OfMessageBody"] for answer in answers
        ]

    def _receive(self) -> Any:
        """Take all there is: which ones a smaller receive gets is nobody's promise."""
        pick, world = self.chance, self.world
        timeout = self.timeout_s
        parameters: dict[str, Any] = {}
        if pick.random() < 0.2:
            timeout = parameters["VisibilityTimeout"] = pick.choice([3, 60])
        name = self.dead if pick.random() < 0.15 else self.name
        if self.fifo and any(held.lapsed(world.cloud.now) for held in self._held):
            self.dared.add("group-partly-back-fifo")
        before = len(world.handles)
        ours, theirs = world.receive(name, **parameters)
        deadline = world.cloud.now + timeout
        for index, message_id in enumerate(world.message_ids[before:], before):
            for held in self._held:
                held.newest &= held.message_id != message_id
            self._held.append(Held(index, message_id, deadline))
        return {"from": name, **parameters}, (ours, theirs)

    def _delete(self) -> Any:
        held = self._pick()
        if held is None:
            return {}, ("ok", "ok")
        self._dare(held, "delete")
        self._gone_ids.add(self._ids.get(held.message_id, ""))
        for other in self._held:
            other.gone |= other.message_id == held.message_id
        return {"index": held.index}, self.world.with_handle(held.index, "delete_message")

    def _change(self) -> Any:
        held = self._pick()
        if held is None:
            return {}, ("ok", "ok")
        self._dare(held, "change")
        timeout = self.chance.choice([0, 1, 20])
        self._current(held).deadline_s = self.world.cloud.now + timeout
        return {"index": held.index, "to": timeout}, self.world.with_handle(
            held.index, "change_message_visibility", VisibilityTimeout=timeout
        )

    def _pick(self) -> Held | None:
        """Return a receipt: mostly one that is still good."""
        good = [held for held in self._held if held.good(self.world.cloud.now)]
        some = self._held if self.chance.random() < 0.1 else good
        return self.chance.choice(some) if some else None

    def _dare(self, held: Held, what: str) -> None:
        if what == "delete" and not self.fifo:  # the two agree: any handle deletes, and twice
            if self.redriven and not held.good(self.world.cloud.now):
                self.dared.add("delete-moved-standard")
            return
        kind = "fifo" if self.fifo else "standard"
        if held.gone or (self.redriven and not held.good(self.world.cloud.now)):
            self.dared.add(f"{what}-gone-{kind}")  # redrive may have taken it to the other queue
        if self.fifo and not held.newest and not held.gone:
            self.dared.add(f"{what}-old-handle-fifo")
        elif not held.gone and self._current(held).lapsed(self.world.cloud.now):
            self.dared.add(f"{what}-late-{kind}")

    def _current(self, held: Held) -> Held:
        """Return the newest receipt of the same message."""
        return next(
            other for other in self._held if other.newest and other.message_id == held.message_id
        )

    def _advance(self) -> Any:
        seconds = self.chance.choice([0.5, 1, 5, 7, 20])
        self.world.advance(seconds)
        return {"seconds": seconds}, (None, None)

    def _counts(self) -> Any:
        return {}, self.world.counts(self.name)

    def told(self) -> str:
        """Return the story so far, for an assertion's message."""
        return "\n".join(
            f"{kind} {what}: {ours} | {theirs}" for kind, what, ours, theirs in self.trace
        )


@dataclass
class Held:
    """A receipt that both worlds gave out."""

    index: int
    message_id: str
    deadline_s: float
    newest: bool = True
    gone: bool = False

    def good(self, now: float) -> bool:
        """Whether nobody can doubt what it does."""
        return self.newest and not self.gone and now < self.deadline_s

    def lapsed(self, now: float) -> bool:
        """Whether its message is back by timeout."""
        return self.newest and not self.gone and now >= self.deadline_s

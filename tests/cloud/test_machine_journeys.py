"""A Hypothesis state machine drives ms.Cloud over several hops against a naive model.

A topic feeds two queues, one through a filter policy that changes; what is received too often goes
to a dead-letter queue, from where message move tasks bring it back; queues are purged. The model is
lists of messages and the rules of SNS and SQS, and knows nothing of how msgsim keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from msgsim.cloud.errors import client_error_class
from tests.cloud.hands import Hands, count, redrive

S = 1_000_000_000
TIMEOUT = 30 * S
MOST_RECEIVES = 2
KINDS = ("a", "b", "c")
MOST = 6  # messages in a queue before more are sent: one receive of ten looks at all of them
NAMES = ("orders", "all", "dead")


@dataclass
class Kept:
    """A message of the model."""

    body: str
    message_id: str
    arrived: int
    visible: int = 0
    receives: int = 0
    handle: str = ""
    former_id: str = ""


@dataclass
class Move:
    """A message move task of the model: who is left, when the next one goes, and the pace."""

    left: list[Kept]
    due: int
    step: int


@dataclass
class World:
    """What the model knows."""

    queues: dict[str, list[Kept]] = field(default_factory=lambda: {name: [] for name in NAMES})
    allowed: tuple[str, ...] = ("a", "b")
    purged: dict[str, int] = field(default_factory=dict)
    move: Move | None = None


class Journeys(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.hands = hands = Hands()
        self.urls = {"dead": hands.queue("dead"), "all": hands.queue("all", VisibilityTimeout=30)}
        self.urls["orders"] = hands.queue(
            "orders",
            VisibilityTimeout=30,
            RedrivePolicy=redrive(hands.arn(self.urls["dead"]), MOST_RECEIVES),
        )
        self.topic = hands.topic()
        self.arn = hands.subscribe(
            self.topic, self.urls["orders"], FilterPolicy={"kind": ["a", "b"]}
        )
        hands.subscribe(self.topic, self.urls["all"])
        self.world = World()
        self.numbers = 0

    @property
    def now(self) -> int:
        return round(self.hands.cloud.now * S)

    def room(self) -> bool:
        """Whether more may come: dead letters and messages moved back are of the same lot."""
        lines = self.world.queues
        return len(lines["orders"]) + len(lines["dead"]) < MOST and len(lines["all"]) < MOST

    def body(self) -> str:
        self.numbers += 1
        return str(self.numbers)

    # Sending -----------------------------------------------------------------------------------

    @precondition(lambda self: self.room())
    @rule(kinds=st.lists(st.sampled_from([*KINDS, None]), min_size=2, max_size=4))
    def publish(self, kinds):
        """A subscription gets a copy if its policy matches; no attribute matches no policy."""
        for kind in kinds:
            self.publish_one(kind)

    def publish_one(self, kind):
        body = self.body()
        attribute = {"kind": {"DataType": "String", "StringValue": kind}}
        more = {} if kind is None else {"MessageAttributes": attribute}
        self.hands.sns.publish(TopicArn=self.topic, Message=body, **more)
        self.world.queues["all"].append(Kept(body, "", self.now, self.now))
        if kind in self.world.allowed:
            self.world.queues["orders"].append(Kept(body, "", self.now, self.now))

    @rule(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
    def change_the_policy(self, kinds):
        """Latency is off here, so that it is in force at once."""
        listed = ", ".join(f'"{kind}"' for kind in kinds)
        self.hands.sns.set_subscription_attributes(
            SubscriptionArn=self.arn,
            AttributeName="FilterPolicy",
            AttributeValue=f'{{"kind": [{listed}]}}',
        )
        self.world.allowed = tuple(kinds)

    @precondition(lambda self: self.room())
    @rule(delay=st.sampled_from([0, 7, 40]))
    def send(self, delay):
        body = self.body()
        sent = self.hands.send(self.urls["orders"], body, DelaySeconds=delay)
        kept = Kept(body, sent["MessageId"], self.now, self.now + delay * S)
        self.world.queues["orders"].append(kept)

    # Receiving ---------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES), timeout=st.sampled_from([None, 0, 5, 100]))
    def receive(self, name, timeout):
        """Everything visible comes, but what was handed out twice: that is dead-lettered."""
        more = {} if timeout is None else {"VisibilityTimeout": timeout}
        got = {each["Body"]: each for each in self.hands.receive(self.urls[name], 10, **more)}
        line = self.world.queues[name]
        visible = [each for each in line if each.visible <= self.now]
        dead = [each for each in visible if name == "orders" and each.receives >= MOST_RECEIVES]
        assert sorted(got) == sorted(each.body for each in visible if each not in dead)
        for each in dead:
            line.remove(each)
            each.handle = ""
            each.visible = self.now
            self.world.queues["dead"].append(each)
        until = self.now + (TIMEOUT if timeout is None else timeout * S)
        for each in visible:
            if each not in dead:
                message = got[each.body]
                assert each.message_id in ("", message["MessageId"]), "constant over receives"
                assert each.former_id != message["MessageId"], "a moved message is a new one"
                each.message_id = message["MessageId"]
                each.receives += 1
                assert count(message) == each.receives
                each.handle, each.visible = message["ReceiptHandle"], until

    @rule()
    def work_in_vain(self):
        """Receive and give back at once, three times: by then everything visible is dead."""
        for _ in range(3):
            self.receive("orders", 0)

    def received(self) -> list[tuple[str, Kept]]:
        return [(name, each) for name in NAMES for each in self.world.queues[name] if each.handle]

    @precondition(lambda self: self.received())
    @rule(data=st.data())
    def delete(self, data):
        """Any receipt of a standard queue deletes, late ones too."""
        name, each = data.draw(st.sampled_from(self.received()))
        self.hands.sqs.delete_message(QueueUrl=self.urls[name], ReceiptHandle=each.handle)
        self.world.queues[name].remove(each)

    @precondition(lambda self: self.received())
    @rule(data=st.data(), timeout=st.sampled_from([0, 3, 200]))
    def change_visibility(self, data, timeout):
        """It counts from now; after the timeout it succeeds and does nothing."""
        name, each = data.draw(st.sampled_from(self.received()))
        self.hands.sqs.change_message_visibility(
            QueueUrl=self.urls[name], ReceiptHandle=each.handle, VisibilityTimeout=timeout
        )
        if each.visible > self.now:
            each.visible = self.now + timeout * S

    # The owner's actions -----------------------------------------------------------------------

    def code(self, operation, **parameters) -> str | None:
        try:
            getattr(self.hands.sqs, operation)(**parameters)
        except client_error_class() as error:
            return error.response["Error"]["Code"]
        return None

    @precondition(lambda self: any(len(line) > 5 for line in self.world.queues.values()))
    @rule(name=st.sampled_from(NAMES))
    def purge(self, name):
        """All states go; once in 60 s."""
        code = self.code("purge_queue", QueueUrl=self.urls[name])
        last = self.world.purged.get(name, -60 * S)
        if self.now < last + 60 * S:
            assert code == "AWS.SimpleQueueService.PurgeQueueInProgress"
            return
        assert code is None
        self.world.purged[name] = self.now
        self.world.queues[name].clear()

    @precondition(lambda self: self.world.move or self.world.queues["dead"])
    @rule(rate=st.sampled_from([3, 7, 11]))
    def start_move(self, rate):
        """One task at a time; it takes what is visible when it starts, oldest first.

        The steps of these rates are no whole parts of a second: no two things fall together.
        """
        task = {"SourceArn": self.hands.arn(self.urls["dead"])}
        code = self.code("start_message_move_task", **task, MaxNumberOfMessagesPerSecond=rate)
        if self.world.move is not None:
            assert code == "InvalidParameterValue"
            return
        assert code is None
        left = [each for each in self.world.queues["dead"] if each.visible <= self.now]
        left.sort(key=lambda each: each.arrived)
        self.world.move = Move(left, self.now + S // rate, S // rate)

    @rule(seconds=st.sampled_from([0.25, 1, 2, 10, 29.5, 30, 61]))
    def advance(self, seconds):
        until = self.now + round(seconds * S)
        self.hands.cloud.advance(seconds)
        self.go_on(until)

    def go_on(self, until: int) -> None:
        """Let the task move what is still there and visible, each as a new message."""
        move, dead = self.world.move, self.world.queues["dead"]
        while move is not None and move.due <= until:
            while move.left and not (move.left[0] in dead and move.left[0].visible <= move.due):
                move.left.pop(0)
            if move.left:
                each = move.left.pop(0)
                dead.remove(each)
                new = Kept(each.body, "", move.due, move.due, former_id=each.message_id)
                self.world.queues["orders"].append(new)
            move.due += move.step
            if not move.left:
                self.world.move = move = None

    # What always holds -------------------------------------------------------------------------

    @invariant()
    def counters_agree(self):
        for name in NAMES:
            line = self.world.queues[name]
            hidden = [each for each in line if each.visible > self.now]
            in_flight = sum(1 for each in hidden if each.handle)
            found = self.hands.counts(self.urls[name])
            assert found == (len(line) - len(hidden), in_flight, len(hidden) - in_flight), name


TestJourneys = Journeys.TestCase
TestJourneys.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

"""What exists in the account: queues, topics and subscriptions, each over its component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgsim.cloud.errors import Refused
from msgsim.cloud.history import Historian
from msgsim.cloud.identity import EPOCH_S, Ids, Names, short_name
from msgsim.cloud.letters import Letter
from msgsim.cloud.records import KinesisRecord
from msgsim.cloud.sqs_shapes import PREFIX
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.kernel.simulation import NS_PER_S, Simulation
from msgsim.model.message import Delivery, Key, Message
from msgsim.model.service import Context, Specs
from msgsim.scenario.schema import Account as AccountSpec
from msgsim.services import discover

if TYPE_CHECKING:
    from msgsim.cloud.lambda_functions import FunctionEntry

FOREVER_NS = 1 << 62
FIRST_RECORD = 1 << 41
"""Where the numbers of Kinesis records begin: those of messages do not depend on records."""
NO_SPECS: Specs = {}


@dataclass(eq=False)
class QueueEntry:
    """A queue: its attributes as boto3 shows them, its component, and the handles it gave out.

    Attributes:
        per_group: whether deduplication ids are compared within a message group only.
        accepted: deduplication key → the copy first stored under it, for replies to duplicates.
        last_sent: the copy stored last.
    """

    name: str
    url: str
    arn: str
    queue: Any
    attributes: dict[str, str]
    created_s: int
    modified_s: int
    per_group: bool = False
    handles: dict[str, Delivery] = field(default_factory=dict)
    names: dict[Delivery, str] = field(default_factory=dict)
    accepted: dict[Any, Any] = field(default_factory=dict)
    last_sent: Any = None

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return bool(self.queue.fifo)

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Keep the copy that a send stored: the reply shows its sequence number."""
        return self._note_sent if signal.name == "sent" else None

    def _note_sent(self, now: int, copy: Any) -> None:
        self.last_sent = copy
        self.accepted[self.deduplication_key(copy.message)] = copy

    def deduplication_key(self, message: Any) -> Any:
        """Return what the queue compares: the id, within the group where the scope says so."""
        name = message.deduplication_id
        return (message.key.name, name) if self.per_group else name


@dataclass(eq=False)
class SubscriptionEntry:
    """A subscription: its attributes as boto3 shows them, and its component."""

    arn: str
    topic: TopicEntry
    protocol: str
    endpoint: str
    subscription: Any
    attributes: dict[str, str]

    @property
    def raw(self) -> bool:
        """Whether messages are delivered without the envelope."""
        return self.attributes.get("RawMessageDelivery", "false").lower() == "true"


@dataclass(eq=False)
class TopicEntry:
    """A topic: its attributes as boto3 shows them, and its component."""

    name: str
    arn: str
    topic: Any
    attributes: dict[str, str]
    subscriptions: list[SubscriptionEntry] = field(default_factory=list)
    published: int = 0
    deleted: int = 0

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO topic."""
        return bool(self.topic.fifo)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a mapping's documents go.

    Attributes:
        accept: takes a message.
    """

    accept: Callable[[Message], str | None]


class Account:
    """One AWS account in one Region, in virtual time.

    Args:
        sim: the simulation everything lives on.
        region: the Region's name.
        assumption: the value in force for a labelled assumption.
        in_flight_quota: messages in flight a queue may have, instead of AWS's default.
    """

    def __init__(
        self,
        sim: Simulation,
        region: str,
        assumption: Callable[[str, str], Any],
        in_flight_quota: int | None = None,
    ) -> None:
        self.sim = sim
        self.ids = Ids(sim.seed)
        self.place = Names(region)
        self.historian = Historian()
        self.queues: dict[str, QueueEntry] = {}
        self.topics: dict[str, TopicEntry] = {}
        self.streams: dict[str, Any] = {}
        self.subscriptions: dict[str, SubscriptionEntry] = {}
        self.functions: dict[str, FunctionEntry] = {}
        self.in_flight_quota = in_flight_quota
        self.assumption = assumption
        self._account = AccountSpec(Region=region)
        self._shared: dict[str, Any] = {}
        self._used: dict[str, int] = {}
        self._keys: dict[str, Key] = {}
        self._letters = 0
        self._partition_keys: dict[tuple[str, str], Key] = {}
        self._records = 0

    @property
    def now_s(self) -> int:
        """The time of day, in whole seconds since 1970."""
        return EPOCH_S + self.sim.now // NS_PER_S

    def timestamp_ms(self, ns: int) -> str:
        """Return a moment of virtual time as the milliseconds since 1970 that SQS shows."""
        return str(EPOCH_S * 1_000 + ns // 1_000_000)

    # Making --------------------------------------------------------------------------------

    def build(
        self, kind: str, name: str, properties: Mapping[str, Any], specs: Specs = NO_SPECS
    ) -> tuple[Component, Any]:
        """Make a component the way a scenario does; return it and its spec.

        `specs` says what the resources are that the properties name.
        """
        service = discover()[kind]
        spec = service.spec.model_validate(dict(properties))
        return service.build(self._unused(name), spec, self._context(_nothing, specs)), spec

    def connect(
        self,
        kind: str,
        component: Component,
        spec: Any,
        find: Callable[[str], Any],
        specs: Specs = NO_SPECS,
    ) -> None:
        """Resolve a component's references through `find`."""
        discover()[kind].connect(component, spec, self._context(find, specs))

    def observe(self, component: Component, *others: Any) -> None:
        """Let history, and others, hear what the component announces; then let it begin."""
        component.bind([self.historian, *others])
        component.start()

    def _unused(self, name: str) -> str:
        """Return the name, numbered from its second use on: random substreams are named by it."""
        count = self._used[name] = self._used.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def _context(self, find: Callable[[str], Any], specs: Specs) -> Context:
        return Context(
            sim=self.sim,
            account=self._account,
            assumption=self.assumption,
            find=find,
            shared=self._shared,
            duration_ns=FOREVER_NS,
            base_path=Path(),
            specs=specs,
        )

    def letter(self, origin: str, body: str, number: int | None = None, **more: Any) -> Letter:
        """Return a new message; its group is its key."""
        if number is None:
            number = self._letters
            self._letters += 1
        group = more.get("group")
        key = self._keys.setdefault(group or "", Key(group or ""))
        return Letter(number, key, self.sim.now, body, self.ids, origin, **more)

    def record(self, stream: str, key: str, data: bytes) -> KinesisRecord:
        """Return a new record of a stream."""
        known = self._partition_keys.setdefault((stream, key), Key(key, stream))
        self._records += 1
        return KinesisRecord(FIRST_RECORD + self._records, known, self.sim.now, data)

    def handle_of(self, entry: QueueEntry, delivery: Delivery) -> str:
        """Return the receipt handle of a delivery, made when it is first shown."""
        handle = entry.names.get(delivery)
        if handle is None:
            handle = entry.names[delivery] = self.ids.handle()
            entry.handles[handle] = delivery
        return handle

    # Finding -------------------------------------------------------------------------------

    def queue(self, text: str) -> QueueEntry:
        """Return the queue of a URL, an ARN or a name.

        Raises:
            Refused: there is no such queue.
        """
        found = self.queues.get(short_name(text))
        if found is None:
            raise Refused(f"{PREFIX}NonExistentQueue", "The specified queue does not exist.")
        return found

    def topic(self, text: str) -> TopicEntry:
        """Return the topic of an ARN or a name.

        Raises:
            Refused: there is no such topic, or the ARN is not one of this Region's topics.
        """
        if text.startswith("arn:") and not text.startswith(self.place.topic_arn("")):
            raise Refused("InvalidParameter", "Invalid parameter: TopicArn")
        found = self.topics.get(short_name(text))
        if found is None:
            raise Refused("NotFound", "Topic does not exist")
        return found

    def function(self, text: str) -> FunctionEntry:
        """Return the function of a name or ARN.

        Raises:
            Refused: there is no such function.
        """
        name = short_name(text.removesuffix(":$LATEST"))
        found = self.functions.get(name)
        if found is None:
            arn = self.place.function_arn(name)
            raise Refused("ResourceNotFoundException", f"Function not found: {arn}")
        return found

    def arn_of(self, text: str) -> str:
        """Return the ARN of the queue, topic or function that a name means; an ARN means itself."""
        if text.startswith("arn:"):
            return text
        name = short_name(text)
        found = self.queues.get(name) or self.topics.get(name) or self.functions.get(name)
        return found.arn if found is not None else text

    def way_to(self, arn: str) -> Callable[[Message], str | None]:
        """Return how a queue, topic or function takes a copy of a message: by a letter of its own.

        Raises:
            Refused: there is nothing with this ARN, or it is FIFO.
        """
        name = short_name(arn)
        if ":lambda:" in arn:
            take = self.function(arn).function.invoke_async
        else:
            found: Any = (self.topics if ":sns:" in arn else self.queues).get(name)
            if found is None or found.fifo:
                raise Refused(
                    "InvalidParameterValueException",
                    f"The destination {arn} does not exist, or is FIFO",
                )
            take = (found.topic if ":sns:" in arn else found.queue).accept

        def hand_over(message: Message) -> str | None:
            code: str | None = take(self.letter(f"record/{name}", message.body or ""))
            return code

        return hand_over

    def destination(self, arn: str) -> Destination:
        """Return a queue or a topic as a mapping sees it that tells of discarded batches.

        Raises:
            Refused: there is none, or it is FIFO.
        """
        return Destination(self.way_to(arn))

    def component(self, text: str) -> Component:
        """Return the component of a queue, topic, stream or function, by URL, ARN or name.

        Raises:
            ValueError: there is none.
        """
        name = short_name(text)
        found: Component
        if name in self.streams and ":kinesis:" in text:
            found = self.streams[name].stream
        elif name in self.queues and ":sns:" not in text and ":lambda:" not in text:
            found = self.queues[name].queue
        elif name in self.functions and ":sns:" not in text:
            found = self.functions[name].function
        elif name in self.topics:
            found = self.topics[name].topic
        elif name in self.streams:
            found = self.streams[name].stream
        else:
            raise ValueError(f"there is no queue, topic, stream or function {text!r}")
        return found

    def subscription(self, arn: str) -> SubscriptionEntry:
        """Return the subscription of an ARN.

        Raises:
            Refused: there is no such subscription.
        """
        found = self.subscriptions.get(arn)
        if found is None:
            if arn.count(":") < 6:
                raise Refused(
                    "InvalidParameter",
                    "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 "
                    f"elements, not {arn.count(':') + 1}",
                )
            raise Refused("NotFound", "Subscription does not exist")
        return found


def _nothing(name: str) -> Component:
    raise KeyError(name)

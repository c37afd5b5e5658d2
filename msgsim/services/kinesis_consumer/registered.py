"""A consumer registered with a stream, for whoever subscribes in its name: a Lambda mapping.

CloudFormation's AWS::Kinesis::StreamConsumer. Applications that read for themselves are
`kinesis.consumer`. Rules: Kinesis API reference, RegisterStreamConsumer and SubscribeToShard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, cast

from msgsim.kernel.component import Component
from msgsim.model import facts
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import RefTo, Spec, String
from msgsim.model.streams import PushingStream, Record, Subscription
from msgsim.services.kinesis_consumer.billing import registered_meter
from msgsim.services.kinesis_consumer.spec import check_registered

PAGE = page_beside(__file__, "kinesis.stream_consumer.md")
KIND = "kinesis.stream_consumer"


class RegisteredSpec(Spec):
    """Properties of `kinesis.stream_consumer`, in AWS's spelling."""

    StreamARN: Annotated[String, RefTo("kinesis.stream")]
    ConsumerName: String


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find names that are taken, and more consumers than AWS allows."""
    consumer = cast("RegisteredSpec", spec)
    yield from check_registered(name, consumer.StreamARN, consumer.ConsumerName, specs)


class Registered(Component):
    """A registered consumer: its own 2 MiB/s of every shard, for one mapping.

    It holds nothing and has no clock: the stream pushes, the subscriber takes.
    """

    kind = KIND
    signals = (facts.PUSHED,)
    stream: PushingStream

    def subscribe(
        self,
        reader: str,
        shard: int,
        position: int,
        deliver: Callable[[Sequence[Record], int, bool], None],
        room: int,
    ) -> Subscription:
        """SubscribeToShard for `reader`, which has made itself known to the stream.

        Args:
            reader: whose position the stream keeps.
            shard: what is pushed.
            position: where it begins.
            deliver: called with records, the position behind them, and whether the shard ends.
            room: events that may be on their way before the reader asks for more.
        """

        def pushed(records: Any, following: int, ended: bool) -> None:
            if self.on_pushed is not None:
                size = sum([record.message.size_bytes for record in records])
                self.on_pushed(self.sim.now, shard, len(records), size)
            deliver(records, following, ended)

        self.stream.register_fan_out(reader)
        return self.stream.subscribe(reader, shard, position, pushed, room)


def build(name: str, spec: RegisteredSpec, context: Context) -> Registered:
    """Make the registered consumer that the spec describes."""
    return Registered(context.sim, name)


def connect(consumer: Registered, spec: RegisteredSpec, context: Context) -> None:
    """Find the stream."""
    stream: Any = context.find(spec.StreamARN)
    consumer.stream = stream


SERVICE = Service(
    kind=KIND,
    spec=RegisteredSpec,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
    meter=registered_meter,
)

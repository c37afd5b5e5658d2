"""Actions on a stream: what an operator does to it at a moment of the scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import Duration, FieldError, Parsed, Positive, RefTo, Spec, String, Whole
from msgsim.services.kinesis.hash_keys import explicit_hash
from msgsim.services.kinesis.limits import KinesisError
from msgsim.services.kinesis.stream import Stream
from msgsim.units import format_duration

PAGE = page_beside(__file__, "action.kinesis.stream.md")
_VERBS = ("split", "merge", "update_shard_count", "update_mode", "warm", "retain")
_TAKES = {
    "split": ({"shard"}, {"at_hash"}),
    "merge": ({"shard"}, {"and_shard"}),
    "update_shard_count": ({"to"}, set()),
    "update_mode": ({"mode"}, set()),
    "warm": ({"to"}, set()),
    "retain": ({"to"}, set()),
}
_OPTIONS = ("shard", "and_shard", "at_hash", "to", "mode")


def _hash_key(value: Any) -> str:
    try:
        explicit_hash(str(value))
    except KinesisError as error:
        hint = "such as 170141183460469231731687303715884105728"
        raise FieldError("E130", error.message, hint) from error
    return str(value)


Stream_ = Annotated[String | None, RefTo("kinesis.stream")]


class StreamAction(Spec):
    """One entry of `actions:` that concerns a stream; exactly one of the first six."""

    split: Stream_ = None
    merge: Stream_ = None
    update_shard_count: Stream_ = None
    update_mode: Stream_ = None
    warm: Stream_ = None
    retain: Stream_ = None
    name: String | None = None
    at: Duration
    shard: Whole | None = None
    and_shard: Annotated[Whole | None, Field(alias="and")] = None
    at_hash: Annotated[str, Parsed(_hash_key, {"type": "string"})] | None = None
    to: Positive | None = None
    mode: String | None = None

    @property
    def verb(self) -> str:
        """What is done."""
        return next(verb for verb in _VERBS if getattr(self, verb) is not None)


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find actions that say too much or too little."""
    action = cast("StreamAction", spec)
    given = [verb for verb in _VERBS if getattr(action, verb) is not None]
    if len(given) > 1:
        message = f"an action does one thing, but this has {' and '.join(given)}"
        yield Finding("E134", message, (), "write an entry for each")
        return
    needed, possible = _TAKES[action.verb]
    for option in _OPTIONS:
        found = getattr(action, option) is not None
        shown = "and" if option == "and_shard" else option
        if option in needed and not found:
            example = f"such as {{at: 3m, {action.verb}: Clicks, {shown}: 0}}"
            yield Finding("E134", f"{action.verb} needs `{shown}`", (), example)
        elif found and option not in needed | possible:
            yield Finding("E134", f"{action.verb} takes no `{shown}`", (shown,), "remove it")


class StreamActor(Component):
    """An action that waits for its moment, does one call, and announces how that went."""

    kind = "action.kinesis.stream"
    signals = (facts.ACTED,)

    def __init__(self, sim: Simulation, name: str, at_ns: int, description: str) -> None:
        super().__init__(sim, name)
        self.at_ns = at_ns
        self.description = description
        self.notes: tuple[str, ...] = ()
        self.act: Callable[[], None]

    def start(self) -> None:
        """Wait for the moment."""
        self.sim.at(self.at_ns, self._act)

    def _act(self) -> None:
        code = None
        try:
            self.act()
        except KinesisError as error:
            code = error.code
            at = format_duration(self.at_ns)
            self.notes = (f"{self.description} at {at} was refused: {error}",)
        if self.on_acted is not None:
            self.on_acted(self.sim.now, self.description, code)


def build(name: str, spec: StreamAction, context: Context) -> StreamActor:
    """Make the action that the spec describes."""
    target = getattr(spec, spec.verb)
    return StreamActor(context.sim, name, spec.at, f"{spec.verb} {target}")


def connect(actor: StreamActor, spec: StreamAction, context: Context) -> None:
    """Find the stream."""
    stream: Any = context.find(getattr(spec, spec.verb))
    actor.act = _call(stream, spec)


def _call(stream: Stream, spec: StreamAction) -> Callable[[], None]:
    control = stream.control
    key = None if spec.at_hash is None else explicit_hash(spec.at_hash)
    shard, to, mode = spec.shard or 0, spec.to or 0, spec.mode or ""
    calls: dict[str, Callable[[], None]] = {
        "split": lambda: control.split(shard, key),
        "merge": lambda: control.merge(shard, spec.and_shard),
        "update_shard_count": lambda: control.update_shard_count(to),
        "update_mode": lambda: stream.update_mode(mode),
        "warm": lambda: stream.update_warm_throughput(to),
        "retain": lambda: stream.update_retention(to),
    }
    return calls[spec.verb]


SERVICE = Service(
    kind="action.kinesis.stream",
    spec=StreamAction,
    build=build,
    page=PAGE,
    connect=connect,
    check=check,
)

"""Actions on a stream: what an operator does to it at a moment of the scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, cast

from pydantic import Field

from msgsim.model.acting import ActionSpec, Actor, too_many
from msgsim.model.catalog import page_beside
from msgsim.model.service import Context, Finding, Service, Specs
from msgsim.model.spec import Duration, FieldError, Parsed, Positive, RefTo, Spec, String, Whole
from msgsim.services.kinesis.hash_keys import explicit_hash
from msgsim.services.kinesis.limits import KinesisError
from msgsim.services.kinesis.stream import Stream
from msgsim.units import format_duration

PAGE = page_beside(__file__, "action.kinesis.stream.md")
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


class StreamAction(ActionSpec):
    """One entry of `actions:` that concerns a stream; exactly one of the first six."""

    verbs = ("split", "merge", "update_shard_count", "update_mode", "warm", "retain")

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


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find actions that say too much or too little."""
    action = cast("StreamAction", spec)
    if len(action.given) > 1:
        yield too_many(action)
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


class StreamActor(Actor):
    """An action on a stream: one call of its control plane."""

    kind = "action.kinesis.stream"

    def attempt(self) -> str | None:
        """Make the call; note why it was refused."""
        try:
            self.act()
        except KinesisError as error:
            at = format_duration(self.at_ns)
            self.notes = (f"{self.description} at {at} was refused: {error}",)
            return error.code
        return None


def build(name: str, spec: StreamAction, context: Context) -> StreamActor:
    """Make the action that the spec describes."""
    return StreamActor(context.sim, name, spec.at, f"{spec.verb} {spec.target}")


def connect(actor: StreamActor, spec: StreamAction, context: Context) -> None:
    """Find the stream."""
    stream: Any = context.find(spec.target)
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

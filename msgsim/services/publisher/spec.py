"""What YAML may say about a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from msgsim import units
from msgsim.model.catalog import page_beside
from msgsim.model.chance import SizeDistribution, TimeDistribution
from msgsim.model.spec import (
    AwsNumber,
    Bool,
    Duration,
    FieldError,
    Parsed,
    Positive,
    Rate,
    RefTo,
    Share,
    Size,
    Spec,
    String,
)
from msgsim.problems import did_you_mean, quote
from msgsim.services.publisher.attributes import Attributes
from msgsim.services.publisher.hash_keys import hash_keys_field
from msgsim.services.publisher.keys import KeysField
from msgsim.services.publisher.retry import JITTERS
from msgsim.services.publisher.trace import FIELDS

PAGE = page_beside(__file__, "workload.md")

Points = tuple[tuple[float, float], ...]


def one_of(what: str, *words: str) -> Parsed:
    """Return a field that takes one of a few words."""

    def parse(value: Any) -> str:
        text = str(value)
        if isinstance(value, (Mapping, list)) or text not in words:
            guess = did_you_mean(text, words)
            hint = f"did you mean {guess}?" if guess else None
            allowed = " or ".join(words)
            raise FieldError("E134", f"{what} is {allowed}, not {quote(text)}", hint)
        return text

    return Parsed(parse, {"enum": list(words)})


def _points(value: Any) -> Points:
    hint = "such as [[0s, 10/s], [5m, 100/s]]"
    if not isinstance(value, (list, tuple)) or not value:
        raise FieldError("E134", "a profile is a list of points [time, rate]", hint)
    points: list[tuple[float, float]] = []
    for item in value:
        if not isinstance(item, (list, tuple)) or len(item) != 2:
            raise FieldError("E134", "each point of a profile is [time, rate]", hint)
        time_s = units.duration_ns(str(item[0])) / 1e9
        if points and time_s <= points[-1][0]:
            raise FieldError("E134", f"the profile's times must increase, but {item[0]} does not")
        points.append((time_s, units.rate_per_s(str(item[1]))))
    return tuple(points)


def _columns(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise FieldError("E134", "columns: expected our names with the file's", "{time: timestamp}")
    for name in value:
        if name not in FIELDS:
            guess = did_you_mean(str(name), FIELDS)
            hint = f"did you mean {guess}?" if guess else f"known: {', '.join(FIELDS)}"
            raise FieldError("E134", f"columns: unknown {quote(str(name))}", hint)
    return {str(name): str(column) for name, column in value.items()}


class Daily(Spec):
    """A day curve: a sine between two rates."""

    low: Rate
    high: Rate
    peak_at: Duration | None = None
    day: Duration = units.TIME_UNITS_NS["d"]


class Arrivals(Spec):
    """When messages are born; exactly one of the first six."""

    steady: Rate | None = None
    poisson: Rate | None = None
    burst: Positive | None = None
    profile: Annotated[Points, Parsed(_points, {"type": "array"})] | None = None
    daily: Daily | None = None
    trace: String | None = None
    every: Duration | None = None
    shape: Annotated[str, one_of("the shape of a profile", "steps", "linear")] = "steps"
    spacing: Annotated[str, one_of("the spacing", "random", "even")] = "random"
    columns: Annotated[dict[str, str], Parsed(_columns, {"type": "object"})] = Field(
        default_factory=dict
    )


def _or_short(schema: dict[str, Any]) -> None:
    """Let the JSON Schema of a mapping also allow its one-word form."""
    mapping = dict(schema)
    schema.clear()
    schema["anyOf"] = [mapping, {"type": ["string", "integer"]}]


class Retry(Spec):
    """How the client retries; what is left out is an assumption of the page."""

    model_config = ConfigDict(json_schema_extra=_or_short)

    attempts: Positive | None = None
    base: Duration | None = None
    cap: Duration | None = None
    jitter: Annotated[str, one_of("jitter", *JITTERS)] | None = None


def _retry(value: Any) -> Any:
    if isinstance(value, str) and value in ("none", "false"):
        return {"attempts": "1"}
    if isinstance(value, str):
        return {"attempts": value}
    return value


class Resend(Spec):
    """How often the application sends a message again under the same id, and how much later."""

    model_config = ConfigDict(json_schema_extra=_or_short)

    share: Share
    after: Duration | None = None


def _resend(value: Any) -> Any:
    return {"share": value} if isinstance(value, str) else value


class Library(Spec):
    """The Kinesis Producer Library, in its own words; each left out has the library's default."""

    RecordMaxBufferedTime: Duration = 100_000_000
    RecordTtl: Duration = 30_000_000_000
    AggregationEnabled: Bool = True
    AggregationMaxSize: Size = 51_200
    AggregationMaxCount: Positive = 4_294_967_295
    CollectionMaxCount: Annotated[int, AwsNumber(PAGE, "CollectionMaxCount")] = 500
    CollectionMaxSize: Size = 5_242_880
    RateLimit: Positive = 150


def _library(value: Any) -> Any:
    return {} if isinstance(value, str) and value == "true" else value


class WorkloadSpec(Spec):
    """One entry of `workload:`: a publisher and its client."""

    name: String | None = None
    to: Annotated[
        String,
        RefTo(
            "sns.topic",
            "sqs.queue",
            "kinesis.stream",
            "dynamodb.stream",
            "firehose.delivery_stream",
        ),
    ]
    rate: Rate | None = None
    arrivals: Arrivals | None = None
    from_: Annotated[Duration, Field(alias="from")] = 0
    until: Duration | None = None
    count: Positive | None = None
    size: SizeDistribution | None = None
    body: String | None = None
    keys: KeysField | None = None
    ExplicitHashKey: hash_keys_field(PAGE) | None = None  # type: ignore[valid-type]
    group: Bool = False
    attributes: Attributes = Field(default_factory=dict)
    deduplication: Annotated[str, one_of("deduplication", "unique", "content", "key")] = "unique"
    batch: Positive = 1
    batch_wait: Duration | None = None
    call_time: TimeDistribution | None = None
    timeout: Duration | None = None
    response_lost: Share = 0.0
    retry: Annotated[Retry, BeforeValidator(_retry)] = Retry()
    resend: Annotated[Resend, BeforeValidator(_resend)] | None = None
    kpl: Annotated[Library, BeforeValidator(_library)] | None = None

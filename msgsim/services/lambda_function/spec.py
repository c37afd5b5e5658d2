"""What YAML may say about a function, and what AWS would refuse or advise against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.failing import Failing
from msgsim.model.service import ACCOUNT, Finding, Specs
from msgsim.model.spec import (
    AwsNumber,
    Duration,
    RefTo,
    Share,
    Spec,
    String,
    one_of,
)
from msgsim.problems import did_you_mean
from msgsim.services.lambda_function.handler import (
    RAISE,
    REPORT_AND_STOP,
    REPORT_FAILED,
    REPORT_MALFORMED,
)

PAGE = page_beside(__file__, "lambda.function.md")
ARCHITECTURES = ("x86_64", "arm64")
REPORTS = (RAISE, REPORT_FAILED, REPORT_AND_STOP, REPORT_MALFORMED)
KEYS = ("message", "copy")


class StoreSpec(Spec):
    """Where idempotency keys are kept: how long each of its calls takes."""

    time: TimeDistribution | None = None


class IdempotencySpec(Spec):
    """What a handler remembers of records it has done.

    `key: message` recognises every copy of a message (a hash of the payload, or an id of the
    business); `copy` only the one copy in the queue, as its `MessageId` would.
    """

    ttl: Duration = 3_600_000_000_000
    key: Annotated[str, one_of(*KEYS)] = "message"
    store: StoreSpec = StoreSpec()


class HandlerSpec(Failing):
    """The user's code: how long it takes and where it fails."""

    time: TimeDistribution
    time_per_record: TimeDistribution | None = None
    error_time: TimeDistribution | None = None
    report: Annotated[str, one_of(*REPORTS)] = RAISE
    cpu_bound: Share = 0.0
    measured_at: Annotated[int | None, AwsNumber(PAGE, "MemorySize")] = None
    idempotency: IdempotencySpec | None = None


def cpu(memory: int) -> float:
    """Return the virtual CPUs that one thread can use with so much memory (MB): at most one."""
    return min(1.0, memory / PAGE.quota("memory_per_vcpu"))


def pace(code: HandlerSpec, memory: int) -> float:
    """Return by how much the handler's times are longer than where they were measured."""
    measured = PAGE.quota("memory_per_vcpu") if code.measured_at is None else code.measured_at
    return 1 - code.cpu_bound + code.cpu_bound * cpu(measured) / cpu(memory)


class DestinationSpec(Spec):
    """Where a record goes about each event that is done, or given up."""

    Destination: Annotated[String, RefTo("sqs.queue", "sns.topic", "lambda.function")]


class DestinationsSpec(Spec):
    """Destinations of asynchronous events."""

    OnSuccess: DestinationSpec | None = None
    OnFailure: DestinationSpec | None = None


class ProvisionedSpec(Spec):
    """Environments that are initialised ahead of time."""

    ProvisionedConcurrentExecutions: Annotated[
        int, AwsNumber(PAGE, "ProvisionedConcurrentExecutions")
    ]


class InvokeConfig(Spec):
    """What Lambda does with asynchronous events (`AWS::Lambda::EventInvokeConfig`)."""

    MaximumRetryAttempts: Annotated[int, AwsNumber(PAGE, "MaximumRetryAttempts")] = 2
    MaximumEventAgeInSeconds: Annotated[int, AwsNumber(PAGE, "MaximumEventAgeInSeconds")] = 21_600
    DestinationConfig: DestinationsSpec | None = None


class DeadLetters(Spec):
    """Where asynchronous events go that were given up."""

    TargetArn: Annotated[String, RefTo("sqs.queue", "sns.topic")]


class FunctionSpec(Spec):
    """Properties of `lambda.function`, in AWS's spelling and units, and the model of its code."""

    handler: HandlerSpec
    Runtime: String | None = None
    Architectures: tuple[Annotated[str, one_of(*ARCHITECTURES)], ...] = ("x86_64",)
    MemorySize: Annotated[int, AwsNumber(PAGE, "MemorySize")] = 128
    Timeout: Annotated[int, AwsNumber(PAGE, "Timeout")] = 3
    ReservedConcurrentExecutions: Annotated[
        int | None, AwsNumber(PAGE, "ReservedConcurrentExecutions")
    ] = None
    ProvisionedConcurrencyConfig: ProvisionedSpec | None = None
    EventInvokeConfig: InvokeConfig = InvokeConfig()
    DeadLetterConfig: DeadLetters | None = None
    cold_start: TimeDistribution | None = None
    provisioned_from: Duration | None = None


CODES = {
    "E220": "a runtime that Lambda does not know",
    "E221": "a dead-letter target or destination that Lambda refuses",
    "E223": "provisioned concurrency that AWS refuses",
    "E224": "more concurrency reserved and provisioned than the account can spare",
    "W320": "a handler that runs into its Timeout as a rule",
    "W321": "fails_attempts without fails_if",
    "W323": "idempotency keys that are forgotten too early",
    "W324": "measured_at without cpu_bound",
}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateFunction and its sister calls would refuse, and what makes no sense."""
    function = cast("FunctionSpec", spec)
    yield from _runtime(function)
    yield from _dead_letters(function, specs)
    yield from _set_aside(name, function, specs)
    yield from _provisioned(name, function)
    yield from _handler(name, function)
    yield from _idempotency(name, function, specs)


def _provisioned(name: str, function: FunctionSpec) -> Iterator[Finding]:
    config, reserved = function.ProvisionedConcurrencyConfig, function.ReservedConcurrentExecutions
    if config is None or reserved is None:
        return
    if config.ProvisionedConcurrentExecutions > reserved:
        yield Finding(
            "E223",
            "AWS refuses this (InvalidParameterValueException): "
            f"{name} provisions {config.ProvisionedConcurrentExecutions} environments and reserves "
            f"{reserved}",
            ("ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"),
            "provision at most what is reserved",
        )


def _idempotency(name: str, function: FunctionSpec, specs: Specs) -> Iterator[Finding]:
    """Report keys that are forgotten before a message of a mapped queue can come back."""
    rules = function.handler.idempotency
    if rules is None:
        return
    for spec in specs.values():
        if getattr(spec, "FunctionName", None) != name:
            continue
        queue = specs.get(str(getattr(spec, "EventSourceArn", "")))
        visibility = getattr(queue, "VisibilityTimeout", None) or 0  # a fleet may have none
        if rules.ttl <= visibility * 1_000_000_000:
            yield Finding(
                "W323",
                f"{name} forgets its idempotency keys after {rules.ttl / 1e9:g} s, and a message "
                f"comes back after the visibility timeout of {visibility} s: as a new one",
                ("handler", "idempotency", "ttl"),
                "let keys live longer than messages can come back, such as the retention",
            )
            return


def _runtime(function: FunctionSpec) -> Iterator[Finding]:
    known = PAGE.assumptions()["initialisation"].value
    if function.Runtime is not None and function.Runtime not in known:
        guess = did_you_mean(function.Runtime, known)
        yield Finding(
            "E220",
            f"AWS refuses this (InvalidParameterValueException): Runtime {function.Runtime!r}",
            ("Runtime",),
            f"did you mean {guess}?" if guess else f"known: {', '.join(known)}",
        )


def _dead_letters(function: FunctionSpec, specs: Specs) -> Iterator[Finding]:
    for path, name in _targets(function):
        target = specs.get(name)
        if getattr(target, "FifoQueue", False) or getattr(target, "FifoTopic", False):
            kind = "queue" if hasattr(target, "FifoQueue") else "topic"
            yield Finding(
                "E221",
                f"AWS refuses this: {name} is a FIFO {kind}, and asynchronous invocation takes "
                f"standard {kind}s only (invocation-async-retain-records.html)",
                path,
                f"name a standard {kind}",
            )


def _targets(function: FunctionSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield where a function's events go besides itself: path and name."""
    if function.DeadLetterConfig is not None:
        yield ("DeadLetterConfig", "TargetArn"), function.DeadLetterConfig.TargetArn
    config = function.EventInvokeConfig.DestinationConfig
    for which in ("OnSuccess", "OnFailure") if config is not None else ():
        destination = getattr(config, which)
        if destination is not None:
            path = ("EventInvokeConfig", "DestinationConfig", which, "Destination")
            yield path, destination.Destination


def _set_aside(name: str, function: FunctionSpec, specs: Specs) -> Iterator[Finding]:
    """Report the function with which reserved and provisioned parts outgrow the account."""
    own = _part(function)
    if not own:
        return
    quota = getattr(specs.get(ACCOUNT), "ConcurrentExecutions", PAGE.quota("concurrent_executions"))
    least = PAGE.quota("unreserved_minimum")
    total = 0
    for other, spec in specs.items():
        if isinstance(spec, FunctionSpec):
            total += _part(spec)
        if other == name:
            break
    if total - own <= quota - least < total:
        reserved = function.ReservedConcurrentExecutions is not None
        config = ("ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions")
        yield Finding(
            "E224",
            f"AWS refuses this (InvalidParameterValueException): up to {name}, functions set aside "
            f"{total:,} concurrent executions of the account's {quota:,}, and {least} of them have "
            "to stay unreserved",
            ("ReservedConcurrentExecutions",) if reserved else config,
            "lower it, or raise account.ConcurrentExecutions if AWS has raised yours",
        )


def _part(function: FunctionSpec) -> int:
    """Return what a function takes away from the others: what is provisioned lies within that."""
    config = function.ProvisionedConcurrencyConfig
    provisioned = 0 if config is None else config.ProvisionedConcurrentExecutions
    reserved = function.ReservedConcurrentExecutions
    return provisioned if reserved is None else reserved


def _handler(name: str, function: FunctionSpec) -> Iterator[Finding]:
    handler = function.handler
    mean = handler.time.mean
    if mean is not None and mean > function.Timeout * 1e9:
        yield Finding(
            "W320",
            f"the handler of {name} takes {mean / 1e9:g} s on average, but Lambda ends it after "
            f"Timeout = {function.Timeout} s",
            ("handler", "time"),
            "raise Timeout (900 at most) unless time-outs are what you want to see",
        )
    if handler.measured_at is not None and not handler.cpu_bound:
        yield Finding(
            "W324",
            "measured_at says with which memory the times hold; without cpu_bound they do not "
            "depend on memory",
            ("handler", "measured_at"),
            "say which share of the time is computing, such as cpu_bound: 80%",
        )
    if handler.fails_attempts is not None and handler.fails_if is None:
        yield Finding(
            "W321",
            "fails_attempts limits fails_if, which is not set, and so has no effect",
            ("handler", "fails_attempts"),
            "say which messages fail, such as fails_if: {poison: true}",
        )

"""What YAML may say about a function, and what AWS would refuse or advise against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from msgsim.model.catalog import page_beside
from msgsim.model.chance import TimeDistribution
from msgsim.model.failing import Failing
from msgsim.model.service import Finding, Specs
from msgsim.model.spec import (
    AwsNumber,
    RefTo,
    Spec,
    String,
    one_of,
)
from msgsim.problems import did_you_mean
from msgsim.services.lambda_function.handler import RAISE, REPORT_AND_STOP, REPORT_FAILED

PAGE = page_beside(__file__, "lambda.function.md")
ARCHITECTURES = ("x86_64", "arm64")
REPORTS = (RAISE, REPORT_FAILED, REPORT_AND_STOP)


class HandlerSpec(Failing):
    """The user's code: how long it takes and where it fails."""

    time: TimeDistribution
    time_per_record: TimeDistribution | None = None
    error_time: TimeDistribution | None = None
    report: Annotated[str, one_of(*REPORTS)] = RAISE


class InvokeConfig(Spec):
    """What Lambda does with asynchronous events (`AWS::Lambda::EventInvokeConfig`)."""

    MaximumRetryAttempts: Annotated[int, AwsNumber(PAGE, "MaximumRetryAttempts")] = 2
    MaximumEventAgeInSeconds: Annotated[int, AwsNumber(PAGE, "MaximumEventAgeInSeconds")] = 21_600


class DeadLetters(Spec):
    """Where asynchronous events go that were given up."""

    TargetArn: Annotated[String, RefTo("sqs.queue")]


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
    EventInvokeConfig: InvokeConfig = InvokeConfig()
    DeadLetterConfig: DeadLetters | None = None
    cold_start: TimeDistribution | None = None


CODES = {
    "E220": "a runtime that Lambda does not know",
    "E221": "a dead-letter target that Lambda refuses",
    "W222": "more reserved concurrency than an account has by default",
    "W320": "a handler that runs into its Timeout as a rule",
    "W321": "fails_attempts without fails_if",
}


def check(name: str, spec: Spec, specs: Specs) -> Iterator[Finding]:
    """Find what CreateFunction and its sister calls would refuse, and what makes no sense."""
    function = cast("FunctionSpec", spec)
    yield from _runtime(function)
    yield from _dead_letters(function, specs)
    yield from _reserved(name, function, specs)
    yield from _handler(name, function)


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
    config = function.DeadLetterConfig
    if config is not None and getattr(specs.get(config.TargetArn), "FifoQueue", False):
        yield Finding(
            "E221",
            f"AWS refuses this: {config.TargetArn} is a FIFO queue, and asynchronous invocation "
            "takes standard queues only (invocation-async-retain-records.html)",
            ("DeadLetterConfig", "TargetArn"),
            "name a standard queue",
        )


def _reserved(name: str, function: FunctionSpec, specs: Specs) -> Iterator[Finding]:
    """Report the function with which the reserved parts outgrow a default account."""
    if function.ReservedConcurrentExecutions is None:
        return
    room = PAGE.quota("concurrent_executions") - PAGE.quota("unreserved_minimum")
    total = 0
    for other, spec in specs.items():
        if isinstance(spec, FunctionSpec):
            total += spec.ReservedConcurrentExecutions or 0
        if other == name:
            break
    if total - function.ReservedConcurrentExecutions <= room < total:
        yield Finding(
            "W222",
            f"up to {name}, functions reserve {total:,} concurrent executions; AWS refuses more "
            f"than {room:,} in an account with the default quota, because 100 stay unreserved",
            ("ReservedConcurrentExecutions",),
            "lower it, or raise account.ConcurrentExecutions if AWS has raised yours",
        )


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
    if handler.fails_attempts is not None and handler.fails_if is None:
        yield Finding(
            "W321",
            "fails_attempts limits fails_if, which is not set, and so has no effect",
            ("handler", "fails_attempts"),
            "say which messages fail, such as fails_if: {poison: true}",
        )

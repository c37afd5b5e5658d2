"""When SNS tries a delivery again: the phases of a retry policy, as a sequence of delays.

Pure: no clock, no chance. AWS applies a jitter of an unpublished kind; the delays here are the
middle of the road, without it. AWS shows the back-off functions as a graph only; the formulas are
msgsim's choice, with the ends AWS states: the first retry of the phase waits the shortest delay,
the last one the longest. Source: SNS Developer Guide, sns-message-delivery-retries.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any

NS_PER_S = 1_000_000_000

DELIVERY_STREAM_THROTTLED = "ServiceUnavailableException"

SERVER_SIDE = frozenset(
    {
        DELIVERY_STREAM_THROTTLED,
        "InternalError",
        "InternalFailure",
        "RequestThrottled",
        "ServiceException",
        "ServiceUnavailable",
        "Throttled",
        "ThrottlingException",
        "Timeout",
        "TooManyRequestsException",
        "Unacknowledged",
    }
)
"""Error codes that SNS tries again after; every other one is client-side and never retried."""


def _linear(low: int, high: int, step: int, steps: int) -> int:
    return low + (high - low) * step // max(1, steps - 1)


def _arithmetic(low: int, high: int, step: int, steps: int) -> int:
    return low + (high - low) * step * (step + 1) // max(1, steps * (steps - 1))


def _geometric(low: int, high: int, step: int, steps: int) -> int:
    return round(low * (high / low) ** (step / max(1, steps - 1)))


def _exponential(low: int, high: int, step: int, steps: int) -> int:
    return min(high, low << min(step, 62))


BACK_OFF: Mapping[str, Callable[[int, int, int, int], int]] = {
    "linear": _linear,
    "arithmetic": _arithmetic,
    "geometric": _geometric,
    "exponential": _exponential,
}
"""Back-off function → delay of retry `step` (0 …) out of `steps`, from `low` to `high`."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The four phases that follow a failed first attempt.

    Attributes:
        immediate: retries without any delay.
        pre_backoff: retries `min_delay_ns` apart.
        backoff: retries whose delay grows from `min_delay_ns` to `max_delay_ns` by `function`.
        post_backoff: retries `max_delay_ns` apart.
        min_delay_ns: the shortest delay.
        max_delay_ns: the longest delay.
        function: one of `BACK_OFF`.
    """

    immediate: int
    pre_backoff: int
    backoff: int
    post_backoff: int
    min_delay_ns: int
    max_delay_ns: int
    function: str = "exponential"

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> RetryPolicy:
        """Build from a page's entry, whose delays are in seconds."""
        return cls(
            value["immediate"],
            value["pre_backoff"],
            value["backoff"],
            value["post_backoff"],
            value["min_delay_s"] * NS_PER_S,
            value["max_delay_s"] * NS_PER_S,
            value.get("function", "exponential"),
        )


def retry_delays(policy: RetryPolicy) -> Iterator[int]:
    """Yield the delay (ns) before each retry, from the first to the last."""
    low, high, steps = policy.min_delay_ns, policy.max_delay_ns, policy.backoff
    grown = BACK_OFF[policy.function]
    yield from repeat(0, policy.immediate)
    yield from repeat(low, policy.pre_backoff)
    for step in range(steps):
        yield grown(low, high, step, steps)
    yield from repeat(high, policy.post_backoff)

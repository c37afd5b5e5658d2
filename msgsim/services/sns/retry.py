"""When SNS tries a delivery again: the phases of a retry policy, as a sequence of delays.

Pure: no clock, no chance. AWS applies a jitter of an unpublished kind; the delays here are the
middle of the road, without it. Source: SNS Developer Guide, sns-message-delivery-retries.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

NS_PER_S = 1_000_000_000

SERVER_SIDE = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "RequestThrottled",
        "ServiceException",
        "ServiceUnavailable",
        "Throttled",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that SNS tries again after; every other one is client-side and never retried."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The four phases that follow a failed first attempt.

    Attributes:
        immediate: retries without any delay.
        pre_backoff: retries `min_delay_ns` apart.
        backoff: retries whose delay doubles from `min_delay_ns` up to `max_delay_ns`.
        post_backoff: retries `max_delay_ns` apart.
        min_delay_ns: the shortest delay.
        max_delay_ns: the longest delay.
    """

    immediate: int
    pre_backoff: int
    backoff: int
    post_backoff: int
    min_delay_ns: int
    max_delay_ns: int

    @classmethod
    def read(cls, value: Mapping[str, int]) -> RetryPolicy:
        """Build from a page's entry, whose delays are in seconds."""
        return cls(
            value["immediate"],
            value["pre_backoff"],
            value["backoff"],
            value["post_backoff"],
            value["min_delay_s"] * NS_PER_S,
            value["max_delay_s"] * NS_PER_S,
        )


def retry_delays(policy: RetryPolicy) -> Iterator[int]:
    """Yield the delay (ns) before each retry, from the first to the last."""
    yield from repeat(0, policy.immediate)
    yield from repeat(policy.min_delay_ns, policy.pre_backoff)
    delay = policy.min_delay_ns
    for _ in range(policy.backoff):
        yield delay
        delay = min(2 * delay, policy.max_delay_ns)
    yield from repeat(policy.max_delay_ns, policy.post_backoff)

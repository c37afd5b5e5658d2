"""What a client does when a call fails: how often it tries again, and after how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

RETRYABLE = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that AWS's SDKs retry: throttles, server errors, and no answer in time."""

TIMED_OUT = "RequestTimeout"
"""The client's own word for a call that was not answered in time."""

JITTERS = ("full", "equal", "none")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Capped exponential back-off (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).

    Attributes:
        attempts: calls in total, the first included.
        base_ns: the longest wait before the first retry; it doubles with each further one.
        cap_ns: the longest wait of all.
        jitter: `full` draws from 0 to the longest wait, `equal` from half of it, `none` waits it.
    """

    attempts: int
    base_ns: int
    cap_ns: int
    jitter: str

    def wait_ns(self, attempt: int, draw: Callable[[], float]) -> int:
        """Return the wait after the failed call `attempt` (from 1); `draw` is uniform on 0..1."""
        ceiling = min(self.cap_ns, self.base_ns << min(attempt - 1, 64))
        if self.jitter == "none":
            return ceiling
        share = draw()
        return round(ceiling * (share if self.jitter == "full" else (1 + share) / 2))

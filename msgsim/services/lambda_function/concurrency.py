"""Concurrency as a shared resource: an account's pool, the parts reserved in it, the refusals.

The rule: an account runs at most so many invocations at once in a Region; a reserved part belongs
to one function and is both its guarantee and its cap; all others share what is left. Synchronous
requests per second are limited to ten times the concurrency of that part. Source: Lambda developer
guide, lambda-concurrency.html.
"""

from __future__ import annotations

from msgsim.kernel.waiting import TokenBucket

ACCOUNT_FULL = "ConcurrentInvocationLimitExceeded"
RESERVED_FULL = "ReservedFunctionConcurrentInvocationLimitExceeded"
RESERVED_TOO_FAST = "ReservedFunctionInvocationRateLimitExceeded"
SCALING_TOO_FAST = "FunctionInvocationRateLimitExceeded"


class AccountConcurrency:
    """The concurrency of one account and Region: a pool of servers that several stations share.

    Args:
        quota: concurrent executions of the account.
        requests: synchronous requests per second, for each unit of concurrency; None for no limit.
    """

    def __init__(self, quota: int, requests: int | None = None) -> None:
        self.quota = quota
        self.busy = 0
        self._requests = requests
        self._reserved = 0
        self.bucket = self.requests_of(quota)

    @property
    def unreserved(self) -> int:
        """What functions without a reserved part share."""
        return max(self.quota - self._reserved, 0)

    def set_aside(self, count: int) -> None:
        """Take a part away from what functions share; negative gives it back."""
        self._reserved += count

    def requests_of(self, concurrency: int) -> TokenBucket | None:
        """Return the bucket of synchronous requests that belongs to so much concurrency."""
        rate = concurrency * (self._requests or 0)
        return TokenBucket(rate, rate) if rate else None

    def share(self, reserved: int | None) -> Share:
        """Return a function's claim: its own part if `reserved` is given, else the common one."""
        if reserved is None:
            return Share(self)
        self.set_aside(reserved)
        return ReservedShare(self, reserved)


class Share:
    """The claim of a function without reserved concurrency: it competes for the common part.

    Attributes:
        bucket: tokens for its synchronous requests, or None for no limit.
        too_fast: the reason of a throttle for want of one.
    """

    reserved: int | None = None
    too_fast = SCALING_TOO_FAST

    def __init__(self, account: AccountConcurrency) -> None:
        self.account = account
        self.bucket = account.bucket

    def take(self, set_aside: int = 0) -> str | None:
        """Take one unit; return the reason of the throttle when there is none, else None.

        Args:
            set_aside: units of a reserved part that belong to provisioned concurrency.
        """
        account = self.account
        if account.busy >= account.unreserved:
            return ACCOUNT_FULL
        account.busy += 1
        return None

    def give(self) -> None:
        """Give one unit back."""
        self.account.busy -= 1


class ReservedShare(Share):
    """The claim of a function with reserved concurrency: its own servers, and no others."""

    too_fast = RESERVED_TOO_FAST

    def __init__(self, account: AccountConcurrency, reserved: int) -> None:
        super().__init__(account)
        self.reserved = reserved
        self.bucket = account.requests_of(reserved)
        self._busy = 0

    def take(self, set_aside: int = 0) -> str | None:
        """Take one unit of the reserved part; return the reason of the throttle, else None."""
        if self._busy + set_aside >= self.reserved:  # type: ignore[operator]
            return RESERVED_FULL
        self._busy += 1
        return None

    def give(self) -> None:
        """Give one unit back."""
        self._busy -= 1

"""Concurrency as a shared resource: an account's pool, the parts reserved in it, the refusals.

The rule: an account runs at most so many invocations at once in a Region; a reserved part belongs
to one function and is both its guarantee and its cap; all others share what is left. Source: Lambda
developer guide, lambda-concurrency.html.
"""

from __future__ import annotations

ACCOUNT_FULL = "ConcurrentInvocationLimitExceeded"
RESERVED_FULL = "ReservedFunctionConcurrentInvocationLimitExceeded"
SCALING_TOO_FAST = "FunctionInvocationRateLimitExceeded"


class AccountConcurrency:
    """The concurrency of one account and Region: a pool of servers that several stations share.

    Args:
        quota: concurrent executions of the account.
    """

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self.busy = 0
        self._reserved = 0

    @property
    def unreserved(self) -> int:
        """What functions without a reserved part share."""
        return max(self.quota - self._reserved, 0)

    def share(self, reserved: int | None) -> Share:
        """Return a function's claim: its own part if `reserved` is given, else the common one."""
        if reserved is None:
            return Share(self)
        self._reserved += reserved
        return ReservedShare(self, reserved)


class Share:
    """The claim of a function without reserved concurrency: it competes for the common part."""

    reserved: int | None = None

    def __init__(self, account: AccountConcurrency) -> None:
        self.account = account

    def take(self) -> str | None:
        """Take one unit; return the reason of the throttle when there is none, else None."""
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

    def __init__(self, account: AccountConcurrency, reserved: int) -> None:
        super().__init__(account)
        self.reserved = reserved
        self._busy = 0

    def take(self) -> str | None:
        """Take one unit of the reserved part; return the reason of the throttle, else None."""
        if self._busy >= self.reserved:  # type: ignore[operator]
            return RESERVED_FULL
        self._busy += 1
        return None

    def give(self) -> None:
        """Give one unit back."""
        self._busy -= 1

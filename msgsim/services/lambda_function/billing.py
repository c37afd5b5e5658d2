"""What AWS bills of a function: requests, and memory times duration.

Durations are rounded up to whole milliseconds, and the initialisation of an environment is billed
like the handler's time; a throttled invocation costs nothing. Provisioned concurrency is paid from
the moment it is asked for, busy or not, and what runs in it at a lower price of duration.
Source: https://aws.amazon.com/lambda/pricing/.

A handler with idempotency keys also pays for its store: each of its calls writes an item of a
DynamoDB table with on-demand capacity, and a conditional write that finds the key taken costs what
one that succeeds costs. Items that end by their time-to-live are deleted for nothing. Source:
Amazon DynamoDB developer guide, read-write-operations.html, TTL.html.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import Prices, Usage, units_of
from msgsim.model.service import Context
from msgsim.services.lambda_function.function import Function
from msgsim.services.lambda_function.spec import PAGE, FunctionSpec
from msgsim.units import duration_ns, size_bytes

KIND = str(PAGE.data["kind"])
STEP_NS: int = PAGE.billed("duration_step")
WRITE_UNIT: int = PAGE.billed("write_request_unit")
KEYS = "write request units of idempotency keys"
STEPS_PER_S = 1_000_000_000 / STEP_NS
NS_PER_S = 1_000_000_000
MB_PER_GB = 1_024
ARM = "arm64"


class FunctionMeter:
    """Counts requests and billed time of one function.

    An invocation that runs when the simulation ends is a request already; its time is not known.

    Args:
        memory_mb: `MemorySize`.
        arm: whether it runs on Arm processors.
        prices: of the page.
        placement_ns: the part of a cold start that is not billed.
        provisioned: how many environments are provisioned, and since when (ns).
        write_units: write request units of one call of the store of idempotency keys; 0 without.
    """

    def __init__(
        self,
        memory_mb: int,
        arm: bool,
        prices: Prices,
        placement_ns: int,
        provisioned: tuple[int, int] = (0, 0),
        write_units: int = 0,
    ) -> None:
        self._memory_gb = memory_mb / MB_PER_GB
        self._prices = prices
        self._price = prices["gb_second_arm" if arm else "gb_second"]
        self._placement_ns = placement_ns
        self.requests = 0
        self.steps = 0
        self.init_steps = 0
        self.provisioned_steps = 0
        self._provisioned, self._since_ns = provisioned
        self._busy = 0
        self._ends_provisioned = False
        self._write_units = write_units
        self.store_calls = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to invocations, cold starts and calls of the key store."""
        heard: dict[str, Listener] = {
            "started": self._started,
            "ended": self._ended,
            "cold_start": self._cold_start,
            "provisioned_busy": self._provisioned_busy,
            "store_called": self._store_called,
        }
        return heard.get(signal.name)

    def _started(self, now: int, records: int, cold: bool) -> None:
        self.requests += 1

    def _provisioned_busy(self, now: int, count: int) -> None:
        """Tell invocations in provisioned environments: one falls idle just before its `ended`."""
        self._ends_provisioned = count < self._busy
        self._busy = count

    def _ended(self, now: int, duration_ns: int, status: str) -> None:
        steps = -(-duration_ns // STEP_NS)
        if self._ends_provisioned:
            self._ends_provisioned = False
            self.provisioned_steps += steps
        else:
            self.steps += steps

    def _cold_start(self, now: int, init_ns: int) -> None:
        self.init_steps -= -max(0, init_ns - self._placement_ns) // STEP_NS

    def _store_called(self, now: int, operation: str) -> None:
        self.store_calls += 1

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield requests, GB-seconds of handlers and initialisations, what is provisioned, keys."""
        yield Usage("invocations", self._prices["request"], self.requests)
        per_step = self._memory_gb / STEPS_PER_S
        yield Usage("GB-seconds", self._price, self.steps * per_step)
        yield Usage("GB-seconds of initialisation", self._price, self.init_steps * per_step)
        if self._provisioned:
            seconds = max(0, now - self._since_ns) / NS_PER_S
            kept = self._provisioned * seconds * self._memory_gb
            price = self._prices["provisioned_gb_second"]
            yield Usage("GB-seconds of provisioned concurrency", price, kept, True)
            price = self._prices["provisioned_duration_gb_second"]
            worked = self.provisioned_steps * per_step
            yield Usage("GB-seconds in provisioned environments", price, worked)
        if self._write_units:
            price = self._prices["write_request_unit"]
            yield Usage(KEYS, price, self.store_calls * self._write_units)


def meter(
    function: Function, spec: FunctionSpec, prices: Prices, context: Context
) -> FunctionMeter:
    """Return the meter of a function."""
    placement_ns = 0
    if spec.cold_start is None:
        placement_ns = duration_ns(str(context.assumption(KIND, "placement")))
    config = spec.ProvisionedConcurrencyConfig
    count = 0 if config is None else config.ProvisionedConcurrentExecutions
    provisioned = (count, spec.provisioned_from or 0)
    arm = ARM in spec.Architectures
    write_units = 0
    if spec.handler.idempotency is not None:
        item_bytes = size_bytes(str(context.assumption(KIND, "idempotency_item")))
        write_units = units_of(item_bytes, WRITE_UNIT)
    return FunctionMeter(spec.MemorySize, arm, prices, placement_ns, provisioned, write_units)

"""What AWS bills of a function: requests, and memory times duration.

Durations are rounded up to whole milliseconds, and the initialisation of an environment is billed
like the handler's time; a throttled invocation costs nothing.
Source: https://aws.amazon.com/lambda/pricing/.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgsim.kernel.signals import Listener, Signal
from msgsim.model.billing import Prices, Usage
from msgsim.model.service import Context
from msgsim.services.lambda_function.function import Function
from msgsim.services.lambda_function.spec import PAGE, FunctionSpec
from msgsim.units import duration_ns

STEP_NS: int = PAGE.billed("duration_step")
STEPS_PER_S = 1_000_000_000 / STEP_NS
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
    """

    def __init__(self, memory_mb: int, arm: bool, prices: Prices, placement_ns: int) -> None:
        self._memory_gb = memory_mb / MB_PER_GB
        self._prices = prices
        self._price = prices["gb_second_arm" if arm else "gb_second"]
        self._placement_ns = placement_ns
        self.requests = 0
        self.steps = 0
        self.init_steps = 0

    def listener(self, signal: Signal) -> Listener | None:
        """Listen to invocations and cold starts."""
        heard: dict[str, Listener] = {
            "started": self._started,
            "ended": self._ended,
            "cold_start": self._cold_start,
        }
        return heard.get(signal.name)

    def _started(self, now: int, records: int, cold: bool) -> None:
        self.requests += 1

    def _ended(self, now: int, duration_ns: int, status: str) -> None:
        self.steps -= -duration_ns // STEP_NS

    def _cold_start(self, now: int, init_ns: int) -> None:
        self.init_steps -= -max(0, init_ns - self._placement_ns) // STEP_NS

    def usage(self, now: int) -> Iterator[Usage]:
        """Yield requests, and GB-seconds of handlers and of initialisations."""
        yield Usage("invocations", self._prices["request"], self.requests)
        per_step = self._memory_gb / STEPS_PER_S
        yield Usage("GB-seconds", self._price, self.steps * per_step)
        yield Usage("GB-seconds of initialisation", self._price, self.init_steps * per_step)


def meter(
    function: Function, spec: FunctionSpec, prices: Prices, context: Context
) -> FunctionMeter:
    """Return the meter of a function."""
    placement_ns = 0
    if spec.cold_start is None:
        placement_ns = duration_ns(str(context.assumption(PAGE.data["kind"], "placement")))
    return FunctionMeter(spec.MemorySize, ARM in spec.Architectures, prices, placement_ns)

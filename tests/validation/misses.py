"""Why a row misses its bounds, as far as can be said. Whatever else misses is a bug."""

from __future__ import annotations

_SEND = (
    "mean and P95 of the published calls do not fit one lognormal; `worker.fleet` takes the mean, "
    "which decides throughput, and the P99."
)
_LOADED = (
    "the measured machines were busy (threads, serialisation, garbage collection), and their waits "
    "grow with load; a fleet's workers do not slow each other down."
)
_PUSH = (
    "`push_delay` follows the measured median of 49 ms in the first section, which includes the "
    "function; AWS's 70 ms is a round figure, and the two do not agree."
)

MISSES = {
    "1 thread, send P95": _SEND,
    "5 threads, send P95": _SEND,
    "25 threads, send P95": _SEND,
    "5 threads, processing P95": _LOADED,
    "25 threads, processing P95": _LOADED,
    "1 polling, mean wait": (
        "a record that comes at any moment waits half an interval on average when a reader polls "
        "regularly; AWS's 200 ms is the interval."
    ),
    "1 registered, mean wait": _PUSH,
    "5 registered, mean wait": _PUSH,
    "0.001863/s, busy": (
        "the published figure does not agree with its own rate and times: by Little's law "
        "0.001863/s and 2.0 s are 0.0037 busy instances, even without cold starts."
    ),
    "cold starts by runtime, shortest median": (
        "`placement`, the 100 ms before the initialisation, is msgsim's own choice; AWS's shortest "
        "cold starts show that it can be less. `cold_start` sets what yours take."
    ),
    "0.050120/s, P(cold)": (
        "fewer cold starts and more instances than simulated both point to environments that wait "
        "a little longer than ten minutes; the other four rates are met with ten."
    ),
}

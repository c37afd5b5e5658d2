"""From a workload's spec to its publisher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgsim import units
from msgsim.kernel.distributions import Constant, Exponential, Uniform
from msgsim.kernel.sampling import Sampler, stable_hash
from msgsim.kernel.simulation import NS_PER_S, Simulation
from msgsim.model.chance import chance, distribution
from msgsim.model.message import NUMBERS_PER_WORKLOAD
from msgsim.model.service import Context
from msgsim.model.spec import FieldError
from msgsim.services.publisher import arrivals as processes
from msgsim.services.publisher.arrivals import Arrival
from msgsim.services.publisher.attributes import drawing
from msgsim.services.publisher.hash_keys import PickHash, hash_picker
from msgsim.services.publisher.keys import PickKey, picker
from msgsim.services.publisher.kpl import LibraryPublisher, LibraryRules
from msgsim.services.publisher.minting import WORKLOADS, Mint
from msgsim.services.publisher.publisher import Client, Publisher
from msgsim.services.publisher.rates import Curve, Daily, Flat, Profile
from msgsim.services.publisher.retry import RetryPolicy
from msgsim.services.publisher.spec import PAGE, Arrivals, Library, Resend, WorkloadSpec
from msgsim.services.publisher.trace import Trace, read_trace

MOST_MESSAGES = 100_000_000
_PEAK_OF_DAY = 14 / 24


def build(name: str, spec: WorkloadSpec, context: Context) -> Publisher:
    """Build the publisher of one workload.

    Raises:
        FieldError: E133, a trace or a recorded distribution cannot be used.
    """
    index = _index(name, context)
    trace = _trace(spec.arrivals, context.base_path)
    mint = _mint(name, index, spec, trace, context)
    end_ns = context.duration_ns if spec.until is None else min(spec.until, context.duration_ns)
    _check_number(spec, end_ns)
    arrivals = processes.limited(_arrivals(name, spec, trace, context.sim), end_ns, spec.count)
    notes = (f"the trace of {name} was not in order of time and was sorted",)
    sorted_here = trace is not None and trace.sorted_here
    client = _client(name, spec, context)
    told = notes if sorted_here else ()
    if spec.kpl is not None:
        rules = _library(spec.kpl, context)
        return LibraryPublisher(context.sim, name, arrivals, mint, client, told, rules)
    return Publisher(context.sim, name, arrivals, mint, client, told)


def _library(kpl: Library, context: Context) -> LibraryRules:
    return LibraryRules(
        buffered_ns=kpl.RecordMaxBufferedTime,
        ttl_ns=kpl.RecordTtl,
        aggregate_bytes=kpl.AggregationMaxSize,
        aggregate_count=kpl.AggregationMaxCount if kpl.AggregationEnabled else 1,
        collect_bytes=kpl.CollectionMaxSize,
        collect_count=kpl.CollectionMaxCount,
        records_per_s=kpl.RateLimit * PAGE.quota("kpl_records_per_s") // 100,
        bytes_per_s=kpl.RateLimit * PAGE.quota("kpl_bytes_per_s") // 100,
        drain_ns=units.duration_ns(str(context.assumption("workload", "kpl_drain"))),
        header_bytes=PAGE.quota("kpl_header"),
        part_bytes=units.size_bytes(str(context.assumption("workload", "kpl_per_message"))),
    )


def _check_number(spec: WorkloadSpec, end_ns: int) -> None:
    """Refuse a workload that would take hours to simulate, before anything has begun.

    Raises:
        FieldError: E109, with the number of messages to be expected.
    """
    arrivals = spec.arrivals
    rate = spec.rate or 0.0
    if arrivals is not None:
        rate = arrivals.steady or arrivals.poisson or 0.0
        if arrivals.burst is not None and arrivals.every:
            rate = arrivals.burst * NS_PER_S / arrivals.every
    expected = max(0.0, rate * (end_ns - spec.from_) / NS_PER_S)
    if spec.count is not None:
        expected = min(expected, spec.count)
    if expected > MOST_MESSAGES:
        message = f"about {expected:,.0f} messages; msgsim simulates up to {MOST_MESSAGES:,}"
        raise FieldError("E109", message, "lower the rate, shorten the run, or set count")


def _index(name: str, context: Context) -> int:
    """Number a workload by its name, so that other workloads change none of its draws."""
    taken = context.shared.setdefault("workloads", set())
    index = stable_hash(name) % WORKLOADS
    while index in taken:
        index = (index + 1) % WORKLOADS
    taken.add(index)
    return index


def connect(publisher: Publisher, spec: WorkloadSpec, context: Context) -> None:
    """Find the target; one that says it is not FIFO gets no deduplication ids."""
    target: Any = context.find(spec.to)
    publisher.target = target
    if not getattr(target, "fifo", True):
        publisher.mint.deduplication = "none"


def _trace(arrivals: Arrivals | None, base_path: Path) -> Trace | None:
    if arrivals is None or arrivals.trace is None:
        return None
    return read_trace(base_path / arrivals.trace, arrivals.columns)


def _arrivals(
    name: str, spec: WorkloadSpec, trace: Trace | None, sim: Simulation
) -> Iterator[Arrival]:
    start = spec.from_
    arrivals = spec.arrivals
    if arrivals is None:
        return processes.steady(spec.rate or 0.0, start)
    if trace is not None:
        return processes.replayed([row.time_ns for row in trace.rows], start)
    if arrivals.burst is not None:
        return processes.bursts(arrivals.burst, arrivals.every, start)
    if arrivals.steady is not None:
        return processes.steady(arrivals.steady, start)
    curve = _curve(arrivals, start)
    if arrivals.spacing == "even" and arrivals.poisson is None:
        return processes.even(curve, start)
    gaps = sim.sampler(name, "arrivals", Exponential(1.0))
    return processes.poisson(curve, gaps.draw, start)


def _curve(arrivals: Arrivals, start_ns: int) -> Curve:
    if arrivals.profile is not None:
        return Profile(arrivals.profile, linear=arrivals.shape == "linear")
    daily = arrivals.daily
    if daily is not None:
        day_s = daily.day / 1e9
        peak_s = day_s * _PEAK_OF_DAY if daily.peak_at is None else daily.peak_at / 1e9
        return Daily(daily.low, daily.high, peak_s, day_s, start_ns / 1e9)
    assert arrivals.poisson is not None
    return Flat(arrivals.poisson)


def _mint(name: str, index: int, spec: WorkloadSpec, trace: Trace | None, context: Context) -> Mint:
    sim = context.sim
    pick: PickKey = _only_key(name) if spec.keys is None else picker(spec.keys, sim, name)
    return Mint(
        workload=name,
        first_number=index * NUMBERS_PER_WORKLOAD,
        pick_key=pick,
        sizes=_sizes(name, spec, trace, context),
        attributes=drawing(spec.attributes, sim, name, context),
        body=spec.body,
        grouped=spec.group,
        deduplication=spec.deduplication,
        rows=[] if trace is None else trace.rows,
        keys={},
        pick_hash=_pick_hash(name, spec, sim),
    )


def _pick_hash(name: str, spec: WorkloadSpec, sim: Simulation) -> PickHash | None:
    if spec.ExplicitHashKey is None:
        return None
    space = PAGE.limit("ExplicitHashKey").high + 1
    return hash_picker(spec.ExplicitHashKey, sim, name, space)


def _only_key(name: str) -> PickKey:
    return lambda n: name


def _sizes(
    name: str, spec: WorkloadSpec, trace: Trace | None, context: Context
) -> Sampler[int] | None:
    """Return what draws sizes; None when a body is given and no size, so that the body decides."""
    written = spec.size
    if written is None:
        bodied = spec.body is not None or (trace is not None and trace.rows[0].body is not None)
        if bodied:
            return None
        written = chance(context.assumption("workload", "size"), units.size_bytes)
    return _whole(context.sim.times(name, "sizes", written.resolve(context.base_path)))


def _whole(sampler: Sampler[Any]) -> Sampler[int]:
    return sampler


def _client(name: str, spec: WorkloadSpec, context: Context) -> Client:
    """Make the client; an assumption is asked for only where it matters, because runs list it."""
    sim = context.sim

    def assumed_ns(given: int | None, assumption: str, matters: bool) -> int:
        if given is not None or not matters:
            return given or 0
        return units.duration_ns(str(context.assumption("workload", assumption)))

    def uniform(purpose: str) -> Sampler[float]:
        return sim.sampler(name, purpose, Uniform(0, 1))

    call_time = _call_time(name, spec, context)
    waits = call_time is not None or spec.response_lost > 0
    resend = spec.resend or Resend.model_construct(share=0.0, after=0)
    return Client(
        batch=spec.batch if spec.kpl is None else spec.kpl.CollectionMaxCount,
        batch_wait_ns=assumed_ns(spec.batch_wait, "batch_wait", spec.batch > 1),
        call_time=call_time,
        timeout_ns=assumed_ns(
            spec.timeout, "timeout" if spec.kpl is None else "kpl_timeout", waits
        ),
        lost=uniform("lost answers") if spec.response_lost > 0 else None,
        lost_share=spec.response_lost,
        retry=_retry(spec, context, assumed_ns),
        jitter=uniform("jitter"),
        resends=uniform("resends") if resend.share > 0 else None,
        resend_share=resend.share,
        resend_after_ns=assumed_ns(resend.after, "resend_after", resend.share > 0),
    )


def _call_time(name: str, spec: WorkloadSpec, context: Context) -> Sampler[int] | None:
    if spec.call_time is not None:
        found = spec.call_time.resolve(context.base_path)
    else:
        assumed = context.assumption("workload", "call_time")
        found = distribution(assumed, units.duration_ns, context.base_path)
    if isinstance(found, Constant) and found.value == 0:
        return None
    return _whole(context.sim.times(name, "call time", found))


def _retry(
    spec: WorkloadSpec, context: Context, assumed_ns: Callable[[int | None, str, bool], int]
) -> RetryPolicy:
    retry = spec.retry
    attempts = retry.attempts
    if attempts is None:
        attempts = int(context.assumption("workload", "retry_attempts"))
    jitter = retry.jitter
    if jitter is None:
        jitter = "none" if attempts == 1 else str(context.assumption("workload", "retry_jitter"))
    return RetryPolicy(
        attempts=attempts,
        base_ns=assumed_ns(retry.base, "retry_base", attempts > 1),
        cap_ns=assumed_ns(retry.cap, "retry_cap", attempts > 1),
        jitter=jitter,
    )

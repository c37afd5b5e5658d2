"""lambda.event_source_mapping of streams: tumbling windows and starting positions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.services import discover
from msgsim.services.lambda_function.handler import Plan
from tests.services import hand_built
from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, function, mapping

hand_built.KINDS["kinesis.stream"] = discover()["kinesis.stream"]
S = 10**9


def windowed(seconds: int = 10, fn: dict[str, Any] | None = None, **mapped: Any) -> HandBuilt:
    """Wire a stream and a mapping with tumbling windows; `invoked` notes every invocation."""
    system = built(
        {
            "Events": {"type": "plain.stream"},
            "Fn": fn or function("10ms"),
            "Map": mapping(
                "Events",
                StartingPosition="TRIM_HORIZON",
                TumblingWindowInSeconds=seconds,
                **mapped,
            ),
        }
    )
    system.invoked = []
    invoke = system["Fn"].invoke

    def noting(batch: Any, *rest: Any) -> Any:
        numbers = [one.message.number for one in batch]
        final = batch[0].message.key.name == "Map windows"
        system.invoked.append((system.sim.now / S, None if final else numbers))
        return invoke(batch, *rest)

    system["Fn"].invoke = noting
    return system


def order(system: HandBuilt) -> list[Any]:
    """Return record numbers as they were invoked; None is a final invocation."""
    return [what for _, numbers in system.invoked for what in (numbers or [None])]


def test_each_window_ends_with_one_more_invocation() -> None:
    """Records every second, windows of 10 s: 0 to 9, final, 10 to 19, final. A window is closed
    when a poll after its end has brought nothing more of it.

    Source: Lambda developer guide, with-kinesis.html (isFinalInvokeForWindow).
    """
    system = windowed()
    for number in range(20):
        system.sim.at(number * S + S // 2, lambda: system.send("Events"))
    system.run("1m")
    assert order(system) == [*range(10), None, *range(10, 20), None]
    finals = [at for at, numbers in system.invoked if numbers is None]
    assert 10 <= finals[0] <= 11.1 and 20 <= finals[1] <= 21.1


def test_a_batch_holds_records_of_one_window() -> None:
    """Windows are aligned on the arrival in the stream, whenever the records are read."""
    system = windowed()
    system["Map"].fail()
    for at in ("7s", "8s", "9s", "11s", "12s", "31s"):
        system.send_at(at, "Events")
    system.sim.at(40 * S, system["Map"].recover)
    system.run("2m")
    batches = [numbers for _, numbers in system.invoked]
    assert batches == [[0, 1, 2], None, [3, 4], None, [5], None]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_every_window_with_records_is_closed_once_after_them(arrivals: list[int]) -> None:
    """Whatever the arrivals (ms): all of a window, its final invocation, then the next window."""
    system = windowed(7)
    for at in sorted(arrivals):
        system.sim.at(at * 1_000_000, lambda: system.send("Events"))
    system.run("5m")
    windows = [at * 1_000_000 // (7 * S) for at in sorted(arrivals)]
    expected: list[Any] = []
    for number, window in enumerate(windows):
        expected.append(number)
        if number + 1 == len(windows) or windows[number + 1] != window:
            expected.append(None)
    assert order(system) == expected


def test_a_large_state_ends_its_window_early() -> None:
    """Above 1 MB (isWindowTerminatedEarly); what follows begins a new state: 100 KiB a record, so
    after eleven records. Source: with-kinesis.html.
    """
    system = windowed(60, window_state={"per_record": "100KiB"}, BatchSize=1)
    for _ in range(25):
        system.send("Events")
    system.run("30s")
    assert order(system) == [*range(11), None, *range(11, 22), None, 22, 23, 24]
    system.run("2m")
    assert order(system)[-1] is None


def test_a_failing_final_invocation_stops_the_shard() -> None:
    """Records of the next window wait; retries and ages apply. Source: with-kinesis.html."""
    system = windowed(fn=function("10ms"))
    failing_until(system, 40)
    for at in ("5s", "12s"):
        system.send_at(at, "Events")
    system.run("2m")
    finals = [at for at, numbers in system.invoked if numbers is None]
    assert len([at for at in finals if at < 40]) >= 5
    assert order(system)[0] == 0 and order(system)[-2:] == [1, None]
    assert next(at for at, numbers in system.invoked if numbers == [1]) > 40
    assert [fact[1].message.number for fact in system.log.of("Map", "completed")] == [0, 1]


def test_a_final_invocation_is_given_up_after_its_retries() -> None:
    system = windowed(MaximumRetryAttempts=2)
    failing_until(system, 10_000)
    for at in ("5s", "12s"):
        system.send_at(at, "Events")
    system.run("2m")
    assert order(system) == [0, None, None, None, 1, None, None, None]
    assert system.log.of("Map", "dropped") == []


def failing_until(system: HandBuilt, seconds: int) -> None:
    """Let the function raise in final invocations up to then."""
    handler = system["Fn"].handler
    plan = handler.plan

    def planning(batch: Any, slowness: float = 1.0) -> Plan:
        if batch[0].message.key.name == "Map windows" and system.sim.now < seconds * S:
            return Plan("error", 10_000_000, failed=list(batch))
        return plan(batch, slowness)

    handler.plan = planning


def test_the_books_balance_with_windows() -> None:
    run = msgsim.run(
        msgsim.load_text("""
msgsim: 1
duration: 95s
resources:
  Clicks: {type: kinesis.stream, ShardCount: 2}
  Fn: {type: lambda.function, handler: {time: 100ms, fails: 10%}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: Fn,
        StartingPosition: TRIM_HORIZON, TumblingWindowInSeconds: 20, MaximumRetryAttempts: 1,
        ParallelizationFactor: 2}
workload:
  - {to: Clicks, rate: 20/s, keys: 50}
""")
    ).runs[0]
    assert run.observers.violations == []
    assert run.observers.ledger.account("Map")["done"] > 1_500


# Starting positions -----------------------------------------------------------------------------


def begun(position: str, delay: str = "0s", **mapped: Any) -> HandBuilt:
    """Wire a Kinesis stream that gets a record a second, and a mapping created after ten."""
    system = built(
        {
            "Events": {"type": "kinesis.stream", "ShardCount": 1},
            "Fn": function("10ms"),
            "Map": mapping("Events", StartingPosition=position, **{"from": "10s"}, **mapped),
        },
        assumptions={("lambda.event_source_mapping", "stream_start"): delay},
    )
    for number in range(40):
        system.sim.at(number * S + S // 2, lambda: system.send("Events"))
    return system.run("60s")


def numbers(system: HandBuilt, signal: str = "completed") -> list[int]:
    found = [fact[1] for fact in system.log.of("Map", signal)]
    return [getattr(one, "message", one).number for one in found]


def test_trim_horizon_begins_with_what_was_written_before() -> None:
    assert numbers(begun("TRIM_HORIZON")) == list(range(40))


def test_at_timestamp_begins_with_the_first_record_then_or_later() -> None:
    """Source: API CreateEventSourceMapping, StartingPositionTimestamp."""
    system = begun("AT_TIMESTAMP", StartingPositionTimestamp="5s")
    assert numbers(system) == list(range(5, 40))
    assert numbers(system, "filtered") == list(range(5))


def test_latest_misses_what_is_written_while_polling_starts() -> None:
    """Creating a mapping takes its time, here 20 s: LATEST misses those records, TRIM_HORIZON
    cannot. Source: services-kinesis-create.html.
    """
    assert numbers(begun("LATEST", "20s")) == list(range(30, 40))
    assert numbers(begun("TRIM_HORIZON", "20s")) == list(range(40))


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON"])
def test_the_books_balance_when_a_mapping_is_created_later(position: str) -> None:
    text = f"""
msgsim: 1
duration: 5m
resources:
  Clicks: {{type: kinesis.stream, ShardCount: 2}}
  Fn: {{type: lambda.function, handler: {{time: 10ms}}}}
  Map: {{type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: Fn,
         StartingPosition: {position}, from: 1m}}
workload:
  - {{to: Clicks, rate: 20/s, keys: 50}}
"""
    run = msgsim.run(msgsim.load_text(text)).runs[0]
    assert run.observers.violations == []
    row = run.observers.ledger.account("Map")
    assert row["filtered"] == (3_600 if position == "LATEST" else 0)

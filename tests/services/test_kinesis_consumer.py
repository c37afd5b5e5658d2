"""Polling consumers of a stream: sharing a shard's reads, falling behind retention, refusals."""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain


def outcome(text: str) -> dict[str, Any]:
    """Run a scenario given as text; return its only run as plain data."""
    return to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]


def shared(consumers: int, poll: str) -> dict[str, Any]:
    """Run consumers R0, R1 … that poll one shard with little data for 400 s."""
    readers = "".join(
        f"\n      R{number}: {{type: kinesis.consumer, StreamARN: Clicks, poll: {poll}, "
        "handler: {time: 0s}}"
        for number in range(consumers)
    )
    return outcome(
        f"""
    duration: 400s
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 1}}{readers}
    workload: [{{to: Clicks, arrivals: {{poisson: 5/s}}, keys: 5}}]
    """
    )


def waits_ms(run: dict[str, Any]) -> list[float]:
    """Return the mean wait of each consumer's records."""
    return [latency["end_to_end"]["mean_s"] * 1_000 for latency in run["latency"].values()]


def test_one_consumer_polls_unhindered() -> None:
    """P1, P2: alone with a poll every 200 ms a record waits half of it, and no read is refused."""
    run = shared(1, "200ms")
    assert waits_ms(run) == [pytest.approx(100, rel=0.1)]
    assert run["streams"]["streams"]["Clicks"]["by_shard"]["0"]["reads_throttled"] == 0


def test_five_consumers_wait_about_a_second() -> None:
    """P1: with five consumers records take about 1,000 ms, although each polls every 200 ms.

    Five calls/s are shared, so each gets one a second. Regular turns would mean 500 ms (P2),
    turns at random about twice that.
    """
    run = shared(5, "200ms")
    waits = waits_ms(run)
    assert len(waits) == 5
    assert 700 <= sum(waits) / 5 <= 1_500
    assert run["streams"]["streams"]["Clicks"]["by_shard"]["0"]["reads_throttled"] > 0


@pytest.mark.parametrize("poll", ["200ms", "250ms", "333ms"])
def test_no_consumer_is_shut_out_of_a_contended_shard(poll: str) -> None:
    """R1: five calls/s belong to all alike: nobody gets less than 0.9 of what another gets."""
    rows = shared(5, poll)["ledger"].values()
    done = [row["done"] for row in rows]
    assert len(done) == 5
    assert min(done) >= 0.9 * max(done)
    assert all(row["sums"] for row in rows)


def test_records_that_expire_unread_are_in_the_books() -> None:
    """T3: a record a minute, 50 min each, 30 h: what is older than 24 h and unread is gone.

    1,800 arrive. The first 360 are too old at the end; 36 of them were read in time.
    """
    text = """
    duration: 30h
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      R: {type: kinesis.consumer, StreamARN: Clicks, Limit: 5,
          handler: {time: 0s, time_per_record: 50m}}
    workload: [{to: Clicks, rate: 1/m, keys: 1}]
    """
    row = outcome(text)["ledger"]["R"]
    assert row["done"] + row["in_flight"] == pytest.approx(36, abs=1)
    assert row["expired"] == pytest.approx(360 - 36, abs=6)
    assert (row["lost"], row["sums"]) == (0, True)


def test_an_outage_of_the_consumer_pauses_it() -> None:
    """While it is down it reads nothing; afterwards it works off what waits, each record once."""
    text = """
    duration: 60s
    resources:
      Clicks: {type: kinesis.stream, ShardCount: 1}
      R: {type: kinesis.consumer, StreamARN: Clicks, poll: 200ms, handler: {time: 1ms}}
    workload: [{to: Clicks, rate: 10/s, keys: 1, until: 50s}]
    faults: [{at: 20s, for: 10s, down: R}]
    """
    run = outcome(text)
    assert run["ledger"]["R"]["done"] == run["ledger"]["R"]["published"] == 500
    assert 9 <= run["latency"]["R"]["end_to_end"]["max_s"] <= 11


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ("poll: 0s", "E232"),
        ("poll: 199ms", "E232"),
        ("ConsumerName: mine, poll: 1s", "E236"),
        ("StartingPosition: AT_TIMESTAMP", "E231"),
        ("StartingPosition: LATEST, Timestamp: 0s", "E231"),
        ("StartingPosition: AT_TIMESTAMP, Timestamp: 5m", "E231"),
        ("Limit: 10001", "E201"),
    ],
)
def test_consumers_that_are_refused(properties: str, code: str) -> None:
    """Polls below the KCL's least, enhanced fan-out, unknown positions: said before the run."""
    text = f"""
    duration: 1s
    resources:
      Clicks: {{type: kinesis.stream, ShardCount: 1}}
      R: {{type: kinesis.consumer, StreamARN: Clicks, handler: {{time: 0s}}, {properties}}}
    workload: [{{to: Clicks, rate: 1/s, keys: 1}}]
    """
    with pytest.raises(msgsim.ProblemError) as refused:
        msgsim.load_text(text)
    assert [problem.code for problem in refused.value.problems] == [code]

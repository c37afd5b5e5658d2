"""Publishers: when messages are born, what they are, and what the client does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from msgsim.experiment.run import drive, prepare
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model.message import NUMBERS_PER_WORKLOAD, Message
from msgsim.model.service import Context
from msgsim.model.spec import FieldError, Spec
from msgsim.problems import ProblemError
from msgsim.scenario.load import load_text
from msgsim.scenario.schema import as_text
from msgsim.services.publisher import SERVICE
from msgsim.services.publisher.minting import size_of
from msgsim.services.publisher.publisher import Publisher
from msgsim.services.publisher.rates import Daily, Profile
from msgsim.services.publisher.retry import RetryPolicy
from msgsim.services.publisher.spec import WorkloadSpec

S = 1_000_000_000
MS = 1_000_000


class FakeTarget(Component):
    """Takes what it is told to take: `answers` are given in turn, then success."""

    def __init__(self, sim: Simulation, fifo: bool = False) -> None:
        super().__init__(sim, "Target")
        self.fifo = fifo
        self.answers: list[str | None] = []
        self.taken: list[tuple[int, Message]] = []
        self.calls: list[int] = []

    def accept(self, message: Message) -> str | None:
        return self.accept_batch([message])[0]

    def accept_batch(self, messages: Sequence[Message]) -> list[str | None]:
        self.calls.append(len(messages))
        codes = []
        for message in messages:
            code = "ServiceUnavailable" if self.down else None
            code = self.answers.pop(0) if self.answers else code
            codes.append(code)
            if code is None:
                self.taken.append((self.sim.now, message))
        return codes

    @property
    def times(self) -> list[int]:
        return [time for time, _ in self.taken]

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.taken]


class Recorder:
    """Keeps every fact of every component."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, tuple[Any, ...]]] = []

    def listener(self, component: Any, signal: Signal) -> Any:
        return lambda *facts: self.facts.append((signal.name, facts))

    def count(self, name: str) -> int:
        return sum(found == name for found, _ in self.facts)


class Bench:
    """A simulation with a fake target and some publishers."""

    def __init__(self, seed: int = 1, duration_ns: int = 600 * S, fifo: bool = False) -> None:
        self.sim = Simulation(seed)
        self.target = FakeTarget(self.sim, fifo)
        self.recorder = Recorder()
        self.asked: set[str] = set()
        self.context = Context(
            sim=self.sim,
            account=None,
            assumption=self._assume,
            find=lambda name: self.target,
            shared={},
            duration_ns=duration_ns,
            base_path=Path(),
        )

    def _assume(self, kind: str, name: str) -> Any:
        self.asked.add(name)
        return SERVICE.page.assumptions()[name].value

    def publisher(self, name: str = "Shop", **spec: Any) -> Publisher:
        parsed = workload(**spec)
        publisher: Any = SERVICE.build(name, parsed, self.context)
        SERVICE.connect(publisher, parsed, self.context)
        publisher.bind([self.recorder])
        publisher.start()
        return publisher

    def run(self) -> FakeTarget:
        self.sim.run(self.context.duration_ns)
        return self.target


def workload(**spec: Any) -> WorkloadSpec:
    if "from_" in spec:
        spec["from"] = spec.pop("from_")
    return WorkloadSpec.model_validate(as_text({"to": "Target", **spec}))


def sent(duration: int = 600 * S, seed: int = 1, **spec: Any) -> FakeTarget:
    bench = Bench(seed=seed, duration_ns=duration)
    bench.publisher(**spec)
    return bench.run()


# When ------------------------------------------------------------------------------------------


def test_a_rate_is_steady_and_exact():
    """50/s for 8 minutes is 24,000 messages, 20 ms apart, the first at once."""
    times = sent(rate="50/s", keys=120, from_="0s", until="8m").times
    assert times == [k * 20 * MS for k in range(24_000)]


def test_a_message_every_70_seconds():
    """Question 3's heartbeat: 26 sends at 0, 70, … 1,750 s in 30 minutes."""
    times = sent(duration=1_800 * S, arrivals={"burst": 1, "every": "70s"}).times
    assert times == [k * 70 * S for k in range(26)]


def test_thirds_do_not_drift():
    """3/s: message 3k is at exactly k seconds, however long the run."""
    times = sent(rate="3/s", from_="10s").times
    assert times[::3] == [(10 + k) * S for k in range(590)]


def test_nothing_is_born_at_the_very_end():
    """A run of 10 s at 1/s has 10 messages: the end is not part of the run's arrivals."""
    assert len(sent(duration=10 * S, rate="1/s").times) == 10


def test_count_stops_a_workload():
    assert len(sent(arrivals={"burst": 100, "every": "10s"}, count=250).times) == 250
    assert len(sent(rate="50/s", count=7).times) == 7


def test_poisson_has_the_mean_and_variance_of_poisson():
    """Counts per second have mean and variance 50 (6-sigma bounds over 600 s)."""
    times = sent(arrivals={"poisson": "50/s"}).times
    counts = Counter(time // S for time in times)
    per_second = [counts[second] for second in range(600)]
    mean = sum(per_second) / 600
    variance = sum((count - mean) ** 2 for count in per_second) / 599
    assert abs(mean - 50) < 6 * (50 / 600) ** 0.5
    assert abs(variance - 50) < 6 * 50 * (2 / 599) ** 0.5


def test_bursts():
    """`{burst: 100, every: 10s}` is 100 at one instant; without `every`, once."""
    times = sent(duration=30 * S, arrivals={"burst": 100, "every": "10s"}).times
    assert Counter(times) == {0: 100, 10 * S: 100, 20 * S: 100}
    assert Counter(sent(arrivals={"burst": 5}, from_="3s").times) == {3 * S: 5}


def test_a_burst_is_one_event():
    bench = Bench()
    bench.publisher(arrivals={"burst": 1_000})
    bench.run()
    assert bench.sim.events_handled == 1


@pytest.mark.parametrize(
    ("shape", "first", "second"), [("steps", 600, 6_000), ("linear", 3_300, 6_000)]
)
def test_a_profile_sends_the_integral_of_its_rate(shape, first, second):
    """10/s then 100/s after a minute: the area under the curve, minute by minute."""
    profile = [["0s", "10/s"], ["60s", "100/s"]]
    arrivals = {"profile": profile, "shape": shape, "spacing": "even"}
    times = sent(duration=120 * S, arrivals=arrivals).times
    assert sum(time < 60 * S for time in times) == first
    assert sum(time >= 60 * S for time in times) == second


def test_a_random_profile_is_poisson_around_it():
    profile = [["0s", "10/s"], ["60s", "100/s"]]
    times = sent(duration=120 * S, arrivals={"profile": profile}).times
    early = sum(time < 60 * S for time in times)
    assert abs(early - 600) < 6 * 600**0.5
    assert abs(len(times) - early - 6_000) < 6 * 6_000**0.5


def test_a_profile_may_pause_and_end():
    """Rate 0 sends nothing; a last rate of 0 ends the workload."""
    profile = [["10s", "1/s"], ["20s", "0/s"], ["30s", "1/s"], ["40s", "0/s"]]
    times = sent(arrivals={"profile": profile, "spacing": "even"}).times
    assert times == [(10 + k) * S for k in range(10)] + [(30 + k) * S for k in range(10)]


def test_a_day_squeezed_into_ten_minutes():
    """The mean of a sine is its middle; the busiest minute surrounds the peak."""
    daily = {"low": "10/s", "high": "100/s", "day": "10m", "peak_at": "5m"}
    times = sent(arrivals={"daily": daily, "spacing": "even"}).times
    assert len(times) == pytest.approx(55 * 600, abs=1)
    per_minute = Counter(time // (60 * S) for time in times)
    assert {4, 5} == {minute for minute, _ in per_minute.most_common(2)}
    assert per_minute[0] == pytest.approx(per_minute[9], abs=2)


points = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=1, max_size=6)


@settings(max_examples=60)
@given(points, st.booleans(), st.floats(0.01, 0.99))
def test_inverting_a_profile_gives_back_the_time(steps, linear, share):
    """cumulative(inverse(x)) == x, wherever the rate is not zero for ever."""
    time, listed = 0, []
    for gap, rate in steps:
        listed.append((float(time), float(rate)))
        time += gap
    profile = Profile(listed, linear)
    total = profile.cumulative(float(time))
    if total > 0:
        assert profile.cumulative(profile.inverse(share * total)) == pytest.approx(share * total)


@settings(max_examples=60)
@given(st.floats(0, 50), st.floats(0.1, 50), st.floats(0, 100), st.floats(0, 5_000))
def test_inverting_a_day_gives_back_the_time(low, swing, peak, arrivals):
    curve = Daily(low, low + swing, peak, day_s=100.0, start_s=7.0)
    assert curve.cumulative(curve.inverse(arrivals)) == pytest.approx(arrivals, abs=1e-6)


# Traces ----------------------------------------------------------------------------------------


def replay(tmp_path: Path, name: str, content: str, **spec: Any) -> tuple[Publisher, FakeTarget]:
    (tmp_path / name).write_text(content)
    bench = Bench()
    bench.context.base_path = tmp_path
    columns = spec.pop("columns", None)
    arrivals = {"trace": name} | ({"columns": columns} if columns else {})
    publisher = bench.publisher(arrivals=arrivals, **spec)
    return publisher, bench.run()


def test_a_csv_trace_replays_times_keys_sizes_and_attributes(tmp_path):
    content = "time,key,size,attributes.vip,other\n100.5,A,2KiB,true,x\n101,B,,,y\n"
    _, target = replay(tmp_path, "calls.csv", content, from_="2s", size="100B")
    assert target.times == [2 * S, 2 * S + 500 * MS]
    assert [message.key.name for message in target.messages] == ["A", "B"]
    assert [message.size_bytes for message in target.messages] == [2_048, 100]
    assert [dict(message.attributes) for message in target.messages] == [{"vip": True}, {}]


def test_json_lines_with_iso_times_and_other_names(tmp_path):
    rows = [
        {"ts": "2026-11-23T20:15:00Z", "user": "A", "attributes": {"n": 1}, "body": "hi"},
        {"ts": "2026-11-23T21:15:01.25+01:00", "user": "B", "size": 7},
    ]
    content = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    columns = {"time": "ts", "key": "user"}
    _, target = replay(tmp_path, "calls.jsonl", content, columns=columns)
    assert target.times == [0, 1_250 * MS]
    assert target.messages[0].body == "hi" and target.messages[0].attributes == {"n": 1}
    assert target.messages[1].size_bytes == 7


def test_a_trace_out_of_order_is_sorted_and_says_so(tmp_path):
    publisher, target = replay(tmp_path, "calls.csv", "time,key\n5,late\n1,early\n")
    assert [message.key.name for message in target.messages] == ["early", "late"]
    assert target.times == [0, 4 * S]
    assert "sorted" in publisher.notes[0]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, "missing.csv: there is no such file"),
        ("calls.txt", "time\n1\n", "calls.txt: a trace is a .csv or a .jsonl file"),
        ("calls.csv", "", "calls.csv:1: no column `time`; the first line names nothing"),
        ("calls.csv", "tme\n1\n", "calls.csv:1: no column `time`; the first line names `tme`"),
        ("calls.csv", "time\n", "calls.csv: there are no rows to replay"),
        ("calls.csv", "time,key\n1,A\nsoon,B\n", "calls.csv:3: `soon` is not a time"),
        ("calls.csv", "time,key\n1\n", "calls.csv:2: 1 cells, but the first line names 2"),
        ("calls.csv", "time,size\n1,big\n", "calls.csv:2: `big` is not a size"),
        ("calls.csv", "time,size\n1,0\n", "calls.csv:2: a message has at least one byte"),
        ("calls.csv", "time,time\n1,2\n", "calls.csv:1: 2 columns are called time"),
        ("calls.csv", "time\n1\n2026-11-23\n", "calls.csv:3: the times mix seconds and ISO"),
        ("calls.csv", "time,key\n,A\n", "calls.csv:2: no `time`"),
        ("calls.csv", "time\nnan\n", "calls.csv:2: `nan` is not a time"),
        ("calls.jsonl", "{\n", "calls.jsonl:1: not a line of JSON"),
        ("calls.jsonl", "[1]\n", "calls.jsonl:1: each line is a JSON object"),
        ("calls.jsonl", '{"time": 1, "attributes": 3}\n', "calls.jsonl:1: `attributes` is an obj"),
        ("calls.jsonl", '{"time": 1, "attributes": {"a": null}}\n', "calls.jsonl:1: attribute `a`"),
    ],
)
def test_a_trace_that_cannot_be_used_names_file_and_line(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    bench = Bench()
    bench.context.base_path = tmp_path
    with pytest.raises(FieldError) as caught:
        bench.publisher(arrivals={"trace": name})
    assert caught.value.code == "E133"
    assert words in caught.value.message


# What ------------------------------------------------------------------------------------------


def names(**spec: Any) -> list[str]:
    return [message.key.name for message in sent(rate="100/s", **spec).messages]


def test_uniform_keys():
    """120 keys, each with about 1/120 of 60,000 messages (6 sigma)."""
    counts = Counter(names(keys=120))
    assert len(counts) == 120 and set(counts) == {f"key-{k}" for k in range(120)}
    assert all(abs(count - 500) < 6 * 500**0.5 for count in counts.values())


def test_zipf_keys():
    """The first key is drawn 2^1.1 times as often as the second."""
    counts = Counter(names(keys={"zipf": 120, "exponent": "1.1"}))
    assert counts["key-0"] / counts["key-1"] == pytest.approx(2**1.1, rel=0.1)


def test_weighted_keys_drawn():
    counts = Counter(names(keys={"us": "80%", "eu": "20%"}))
    assert abs(counts["us"] - 48_000) < 6 * (60_000 * 0.8 * 0.2) ** 0.5


def test_weighted_keys_in_exact_turns():
    """Question 15's keys: every 40 messages hold 16, 16 and 8 × 1, evenly spread."""
    shares = {"us-east": "40%", "eu-west": "40%"} | {f"small-{k}": "2.5%" for k in range(8)}
    listed = names(keys={"weighted": shares, "draw": "exact"})
    for start in (0, 40, 59_960):
        counts = Counter(listed[start : start + 40])
        assert counts["us-east"] == counts["eu-west"] == 16
        assert all(counts[f"small-{k}"] == 1 for k in range(8))
    assert all(listed[at : at + 5].count("us-east") <= 3 for at in range(40))


def test_round_robin_keys():
    """`device-0` … in turn: each of 4,000 devices once in 4,000 messages."""
    listed = names(keys={"round_robin": 4_000, "prefix": "device-"})
    assert listed[:4_000] == [f"device-{k}" for k in range(4_000)]
    assert listed[4_000] == "device-0"


def test_ranks_count_within_a_key_and_keys_are_interned():
    messages = sent(rate="100/s", keys=5).messages
    seen: Counter[str] = Counter()
    for message in messages:
        assert message.rank == seen[message.key.name]
        seen[message.key.name] += 1
    assert len({id(message.key) for message in messages}) == 5


def test_without_keys_there_is_one():
    assert set(names()) == {"Shop"}


def test_the_fifth_message_of_a_is_marked():
    """Question 2's poison: A's fifth message, and no other, carries the attribute."""
    poison = {"value": True, "key": "A", "nth": 5}
    target = sent(
        duration=60 * S, rate="2/s", keys={"round_robin": 2}, attributes={"poison": poison}
    )
    assert not any(message.attributes for message in target.messages)
    weights = {"weighted": {"A": 1, "B": 1}, "draw": "exact"}
    target = sent(duration=60 * S, rate="2/s", keys=weights, attributes={"poison": poison})
    marked = [message for message in target.messages if message.attributes.get("poison")]
    assert [(message.key.name, message.rank) for message in marked] == [("A", 4)]


def test_attributes_constant_weighted_marked_and_random():
    attributes = {
        "type": "order",
        "vip": {"true": "25%", "false": "75%"},
        "bad": {"value": "yes", "share": "1%"},
        "price": {"dist": "uniform", "low": 1, "high": 3},
    }
    found = [message.attributes for message in sent(rate="100/s", attributes=attributes).messages]
    assert {item["type"] for item in found} == {"order"}
    vips = sum(item["vip"] is True for item in found)
    assert abs(vips - 15_000) < 6 * (60_000 * 0.25 * 0.75) ** 0.5
    bad = sum(item.get("bad") == "yes" for item in found)
    assert abs(bad - 600) < 6 * 600**0.5
    assert all(1 <= item["price"] <= 3 for item in found)


def test_attribute_values_are_read_as_json_would():
    """`yes`, `010` and `1:30` are text, whatever YAML 1.1 makes of them."""
    written = {"a": "yes", "b": "010", "c": "1:30", "d": "-1.5", "e": "true", "f": ["x", "7"]}
    message = sent(rate="1/s", count=1, attributes=written).messages[0]
    assert message.attributes == {
        "a": "yes", "b": "010", "c": "1:30", "d": -1.5, "e": True, "f": ["x", 7],
    }  # fmt: skip


def test_sizes():
    """1 KiB unless said otherwise; a body without a size counts as AWS counts it."""
    assert {m.size_bytes for m in sent(rate="1/s").messages} == {1_024}
    assert {m.size_bytes for m in sent(rate="1/s", size="200B").messages} == {200}
    target = sent(duration=2 * S, rate="1/s", body="n={n} {key}", keys=1, attributes={"a": 1})
    assert [m.body for m in target.messages] == ["n=0 key-0", "n=1 key-0"]
    assert target.messages[0].size_bytes == len("n=0 key-0") + len("a" + "Number" + "1")
    assert size_of("é", {}) == 2


def test_message_numbers_are_unique_in_the_run():
    bench = Bench(duration_ns=2 * S)
    bench.publisher("One", rate="1/s")
    bench.publisher("Two", rate="1/s")
    numbers = sorted(message.number for message in bench.run().messages)
    assert len(set(numbers)) == 4
    assert {number % NUMBERS_PER_WORKLOAD for number in numbers} == {0, 1}
    assert len({number // NUMBERS_PER_WORKLOAD for number in numbers}) == 2


def facts_of(target: FakeTarget, workload_name: str = "Shop") -> list[tuple[Any, ...]]:
    return [
        (time, m.key.name, m.rank, m.size_bytes)
        for time, m in target.taken
        if m.key.workload == workload_name
    ]


def test_another_workload_changes_no_draw_of_the_first():
    """Common random numbers: the name, not the company, picks the substream."""
    spec: dict[str, Any] = {
        "arrivals": {"poisson": "20/s"},
        "keys": 50,
        "size": {"dist": "uniform", "low": "1B", "high": "9KiB"},
    }
    alone, accompanied = Bench(), Bench()
    alone.publisher(**spec)
    accompanied.publisher(**spec)
    accompanied.publisher("Other", **spec)
    assert facts_of(alone.run()) == facts_of(accompanied.run())
    assert facts_of(accompanied.target, "Other") != facts_of(alone.target)


def test_another_size_distribution_changes_neither_times_nor_keys():
    """Each quantity has a substream of its own, and is drawn by the message's number."""
    spec: dict[str, Any] = {"arrivals": {"poisson": "20/s"}, "keys": 50}
    small = sent(**spec, size={"dist": "exponential", "mean": "1KiB"})
    large = sent(**spec, size={"dist": "pareto", "minimum": "1KiB", "alpha": 2})
    assert [f[:3] for f in facts_of(small)] == [f[:3] for f in facts_of(large)]
    assert [f[3] for f in facts_of(small)] != [f[3] for f in facts_of(large)]


def test_the_seed_decides():
    spec = {"arrivals": {"poisson": "20/s"}, "keys": 50}
    assert facts_of(sent(seed=3, **spec)) == facts_of(sent(seed=3, **spec))
    assert facts_of(sent(seed=3, **spec)) != facts_of(sent(seed=4, **spec))


# How -------------------------------------------------------------------------------------------


def test_throttled_calls_are_tried_again_and_nothing_is_lost():
    """Back-off without jitter: 100 ms after the first failure, 200 ms after the second."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled", "ServiceUnavailable"]
    target = bench.run()
    assert target.times == [300 * MS]
    assert target.messages[0].tries == 3 and target.messages[0].born_ns == 0
    assert bench.recorder.count("retried") == 2 and bench.recorder.count("called") == 3
    assert bench.recorder.count("refused") == 0


def test_three_attempts_then_refused():
    """AWS SDKs' standard mode makes three attempts (SDKs and Tools Reference Guide)."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1)
    bench.target.answers = ["RequestThrottled"] * 9
    assert bench.run().messages == []
    refused = [facts for name, facts in bench.recorder.facts if name == "refused"]
    assert len(refused) == 1 and refused[0][2] == "RequestThrottled"
    assert bench.recorder.count("called") == 3


def test_retry_none_gives_up_at_once_and_other_errors_are_final():
    for spec, code in (({"retry": "none"}, "RequestThrottled"), ({}, "InvalidParameterValue")):
        bench = Bench()
        bench.publisher(rate="1/s", count=1, **spec)
        bench.target.answers = [code]
        bench.run()
        assert bench.recorder.count("refused") == 1 and bench.recorder.count("retried") == 0


@given(st.integers(1, 40), st.floats(0, 1), st.sampled_from(["full", "equal", "none"]))
def test_back_off_stays_in_its_bounds(attempt, draw, jitter):
    """Full jitter: 0 to min(cap, base × 2^k); equal: its upper half; none: the ceiling."""
    policy = RetryPolicy(99, 100 * MS, 20 * S, jitter)
    ceiling = min(20 * S, 100 * MS * 2 ** (attempt - 1))
    low = {"full": 0, "equal": ceiling // 2, "none": ceiling}[jitter]
    assert low <= policy.wait_ns(attempt, lambda: draw) <= ceiling


def test_an_outage_is_bridged_by_retries():
    """Every message born in a 100 ms outage is stored later, once."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="10/s", until="10s", retry={"attempts": 12, "jitter": "equal"})
    bench.sim.at(5 * S, bench.target.fail)
    bench.sim.at(8 * S, bench.target.recover)
    target = bench.run()
    assert sorted(message.number % NUMBERS_PER_WORKLOAD for message in target.messages) == list(
        range(100)
    )
    late = [message for message in target.messages if message.tries > 1]
    assert len(late) == 30


def test_a_lost_answer_stores_a_second_copy():
    """The service accepted the first try; the client, hearing nothing, sends again."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="100/s", until="10s", response_lost="10%", timeout="1s")
    target = bench.run()
    copies = Counter(message.number for message in target.messages)
    assert len(copies) == 1_000
    extra = sum(copies.values()) - 1_000
    assert abs(extra - 110) < 6 * 110**0.5
    assert bench.recorder.count("retried") == extra
    assert bench.recorder.count("refused") == 0
    twice = next(m for m in target.messages if copies[m.number] == 2)
    times = [time for time, m in target.taken if m is twice]
    assert times[1] - times[0] >= 1 * S and twice.tries == 2


def test_a_lost_answer_is_at_the_target_not_in_transit():
    """What the service has is not counted a second time at the client."""
    bench = Bench(duration_ns=500 * MS)
    publisher = bench.publisher(rate="1/s", count=1, response_lost="100%", timeout="1s")
    bench.run()
    assert len(bench.target.taken) == 1 and list(publisher.holds()) == []


def test_a_retry_in_waiting_is_in_transit():
    bench = Bench(duration_ns=50 * MS)
    publisher = bench.publisher(rate="1/s", count=1, retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled"]
    bench.run()
    assert [state for state, _ in publisher.holds()] == ["in_transit"]


def test_call_time_is_half_before_and_half_after():
    """A failed call of 20 ms: there at 10 ms, back at 20 ms, again after 100 ms."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, call_time="20ms", retry={"jitter": "none"})
    bench.target.answers = ["RequestThrottled"]
    assert bench.run().times == [20 * MS + 100 * MS + 10 * MS]


def test_a_call_slower_than_the_time_out_stores_twice():
    bench = Bench()
    bench.publisher(
        rate="1/s", count=1, call_time="3s", timeout="1s", retry={"attempts": 2, "jitter": "none"}
    )
    assert bench.run().times == [1_500 * MS, 1_500 * MS + 100 * MS + 1_500 * MS]


def test_a_slow_client_takes_longer():
    """A slowdown multiplies the publisher's own time, the call."""
    bench = Bench()
    bench.publisher(rate="1/s", count=1, call_time="20ms").slowness = 5.0
    assert bench.run().times == [50 * MS]


def test_a_publisher_that_is_down_sends_nothing():
    bench = Bench(duration_ns=10 * S)
    publisher = bench.publisher(rate="1/s")
    bench.sim.at(2 * S + 1, publisher.fail)
    bench.sim.at(5 * S + 1, publisher.recover)
    assert [message.number % NUMBERS_PER_WORKLOAD for message in bench.run().messages] == [
        0,
        1,
        2,
        6,
        7,
        8,
        9,
    ]


def test_batches_fill_up():
    """500/s in batches of 10 is 50 calls/s (question 4b)."""
    bench = Bench(duration_ns=60 * S)
    bench.publisher(rate="500/s", batch=10)
    target = bench.run()
    assert target.calls == [10] * 3_000
    assert {time - message.born_ns for time, message in target.taken[:10]} == {
        k * 2 * MS for k in range(10)
    }


def test_a_batch_that_does_not_fill_goes_out_after_its_wait():
    """Default 200 ms, as the SDK for Java's buffering client (QueueBufferConfig)."""
    target = sent(duration=1 * S, rate="10/s", batch=10)
    assert target.calls == [2] * 5  # who is born as the wait ends begins the next batch
    assert target.times[0] == 200 * MS
    target = sent(rate="10/s", count=3, batch=10, batch_wait="1s")
    assert target.calls == [3] and set(target.times) == {1 * S}


def test_batch_wait_zero_groups_one_instant():
    target = sent(arrivals={"burst": 25, "every": "1s"}, count=50, batch=10, batch_wait="0s")
    assert target.calls == [10, 10, 5, 10, 10, 5]


def test_only_failed_entries_of_a_batch_are_sent_again():
    bench = Bench()
    bench.publisher(arrivals={"burst": 4}, batch=4)
    bench.target.answers = [None, "ThrottlingException", None, "InvalidParameterValue"]
    target = bench.run()
    assert target.calls == [4, 1]
    assert sorted(message.number % NUMBERS_PER_WORKLOAD for message in target.messages) == [0, 1, 2]
    assert bench.recorder.count("refused") == 1 and bench.recorder.count("retried") == 1


def test_published_once_whatever_happens():
    """published = stored + refused + in transit, under throttles, losses and batches."""
    bench = Bench(duration_ns=20 * S)
    publisher = bench.publisher(rate="50/s", batch=5, response_lost="20%", timeout="1s")
    bench.target.answers = ["RequestThrottled", None, None] * 500
    target = bench.run()
    stored = {message.number for message in target.messages}
    refused = [facts[1].number for name, facts in bench.recorder.facts if name == "refused"]
    waiting = [message.number for _, message in publisher.holds()]
    assert len(refused) == len(set(refused)) and len(waiting) == len(set(waiting))
    assert bench.recorder.count("published") == len(stored) + len(refused) + len(waiting)
    assert stored.isdisjoint(refused) and stored.isdisjoint(waiting)


def test_deduplication_ids_go_to_fifo_targets_only():
    """A retry and a resend repeat the id; standard targets get none."""
    bench = Bench(fifo=True)
    bench.publisher(rate="6/min", count=2, keys=1, resend="100%")
    ids = [message.deduplication_id for message in bench.run().messages]
    assert ids == ["Shop-0", "Shop-0", "Shop-1", "Shop-1"]
    assert {m.deduplication_id for m in sent(rate="1/s").messages} == {None}
    bench = Bench(fifo=True)
    bench.publisher(rate="1/s", count=2, keys=1, deduplication="key")
    assert {m.deduplication_id for m in bench.run().messages} == {"key-0"}


def test_resends_come_later_under_the_same_number():
    bench = Bench()
    bench.publisher(rate="100/s", resend={"share": "5%", "after": "6m"}, until="3m")
    target = bench.run()
    copies = Counter(message.number for message in target.messages)
    twice = [number for number, count in copies.items() if count == 2]
    assert len(copies) == 18_000 and abs(len(twice) - 900) < 6 * 900**0.5
    times = [time for time, message in target.taken if message.number == twice[0]]
    assert times[1] - times[0] == 360 * S


def test_only_assumptions_that_matter_are_asked_for():
    """A run lists the assumptions it used, so unused ones must not appear."""
    bench = Bench()
    bench.publisher(rate="1/s", retry="none", size="1KiB", call_time="0s")
    assert bench.asked == set()


# What is refused -------------------------------------------------------------------------------


class FifoQueueSpec(Spec):
    FifoQueue: bool = True
    ContentBasedDeduplication: bool | None = None


class StreamSpec(Spec):
    ShardCount: int = 1


def findings(target: Spec | None = None, **spec: Any) -> list[tuple[str, tuple[Any, ...]]]:
    specs = {} if target is None else {"Target": target}
    return [(f.code, f.path) for f in SERVICE.check("Shop", workload(**spec), specs)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ("E134", ())),
        ({"rate": "1/s", "arrivals": {"steady": "1/s"}}, ("E134", ("rate",))),
        ({"rate": "1/s", "from_": "5m", "until": "5m"}, ("E134", ("until",))),
        ({"arrivals": {}}, ("E134", ("arrivals",))),
        ({"arrivals": {"steady": "1/s", "poisson": "1/s"}}, ("E134", ("arrivals",))),
        ({"arrivals": {"steady": "1/s", "every": "1s"}}, ("E134", ("arrivals", "every"))),
        ({"arrivals": {"poisson": "1/s", "spacing": "even"}}, ("E134", ("arrivals", "spacing"))),
        ({"arrivals": {"burst": 1, "every": "0s"}}, ("E134", ("arrivals", "every"))),
        ({"rate": "1/s", "batch_wait": "1s"}, ("E134", ("batch_wait",))),
        ({"rate": "1/s", "retry": {"base": "9s", "cap": "1s"}}, ("E134", ("retry", "cap"))),
        ({"rate": "0/s"}, ("W381", ("rate",))),
    ],
)
def test_workloads_that_contradict_themselves(spec, expected):
    assert expected in findings(**spec)


def test_what_aws_would_refuse():
    """FIFO sends need a group, streams a partition key, batches have at most 10 (500) entries."""
    fifo, stream = FifoQueueSpec(), StreamSpec()
    assert findings(fifo, rate="1/s") == [("E280", ("to",))]
    assert findings(stream, rate="1/s") == [("E280", ("to",))]
    assert findings(fifo, rate="1/s", keys=5) == []
    assert findings(fifo, rate="1/s", keys=5, deduplication="content") == [
        ("E280", ("deduplication",))
    ]
    by_content = FifoQueueSpec(ContentBasedDeduplication=True)
    assert findings(by_content, rate="1/s", keys=5, deduplication="content") == []
    assert findings(fifo, rate="1/s", keys=5, batch=11) == [("E281", ("batch",))]
    assert findings(stream, rate="1/s", keys=5, batch=500) == []
    assert findings(stream, rate="1/s", keys=5, batch=501) == [("E281", ("batch",))]


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"keys": 0}, "E130", "from 1 to"),
        ({"keys": {"us": "40%", "eu": "40%"}}, "E130", "sum to 80%"),
        ({"keys": {"us": 0}}, "E130", "sum to 0"),
        ({"keys": {"zipf": 5, "exponnt": 2}}, "E134", "exponent"),
        ({"keys": {"weighted": {"a": 1}, "draw": "exactly"}}, "E134", "random or exact"),
        ({"attributes": {"a": {"value": 1, "nht": 5}}}, "E134", "nth"),
        ({"attributes": {"a": {"value": 1, "nth": 0}}}, "E130", "counts from 1"),
        ({"attributes": {"a": {"x": "10%", "y": "10%"}}}, "E130", "sum to 20%"),
        ({"arrivals": {"profile": [["5s", "1/s"], ["1s", "1/s"]]}}, "E134", "must increase"),
        ({"arrivals": {"profile": [["5s"]]}}, "E134", "[time, rate]"),
        ({"arrivals": {"trace": "a.csv", "columns": {"tim": "ts"}}}, "E134", "time"),
        ({"retry": {"jitter": "ful"}}, "E134", "full"),
        ({"deduplication": "uniq"}, "E134", "unique"),
    ],
)
def test_values_that_cannot_be_read(spec, code, words):
    with pytest.raises(ValidationError) as caught:
        workload(rate="1/s", **spec)
    error = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(error, FieldError) and error.code == code
    assert words in f"{error.message} {error.hint}"


def test_a_rate_that_would_never_end_is_refused_before_the_run():
    text = """
duration: 1m
resources: {Q: {type: sqs.queue}}
workload: [{to: Q, rate: 1000000000/s}]
"""
    with pytest.raises(ProblemError) as refused:
        prepare(load_text(text))
    (problem,) = refused.value.problems
    assert problem.code == "E109"
    assert "60,000,000,000 messages" in problem.message


@pytest.mark.parametrize("more", ["", ", every: 1h", ", every: 10s"])
def test_a_burst_that_would_fill_the_memory_is_refused_before_the_run(more: str):
    """All messages of a burst are made in one event; memory is looked at between events."""
    text = f"""
duration: 1m
resources: {{Q: {{type: sqs.queue}}}}
workload: [{{to: Q, arrivals: {{burst: 10000000000{more}}}}}]
"""
    with pytest.raises(ProblemError) as refused:
        prepare(load_text(text))
    (problem,) = refused.value.problems
    assert problem.code == "E109"
    assert "a burst of 10,000,000,000" in problem.message


def test_a_huge_burst_that_count_cuts_off_is_taken():
    text = """
duration: 1m
resources: {Q: {type: sqs.queue}}
workload: [{to: Q, count: 7, arrivals: {burst: 10000000000}}]
"""
    run = prepare(load_text(text))
    drive(run)
    assert run.observers.metrics.value("Q", None, "published") == 7


# Advice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arrivals",
    [
        "{steady: 0/s}",
        "{poisson: 0/s}",
        "{profile: [[0s, 0/s], [5m, 0/s]]}",
        "{daily: {low: 0/s, high: 0/s}}",
    ],
)
def test_arrivals_that_never_come_draw_advice(arrivals: str) -> None:
    """A workload that sends nothing is hardly meant."""
    text = f"""
duration: 1m
resources:
  Orders: {{type: sqs.queue}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 1, handler: {{time: 1s}}}}
workload: [{{to: Orders, arrivals: {arrivals}}}]
"""
    assert [each.code for each in load_text(text).warnings] == ["W381"]


@pytest.mark.parametrize(
    ("fifo", "keys", "codes"),
    [
        ("true", "{uniform: 9, prefix: b-}", []),
        ("true", "3", ["W383"]),
        ("true", "{key-2: 100%}", ["W383"]),
        ("false", "3", []),
    ],
)
def test_workloads_that_share_message_groups_draw_advice(
    fifo: str, keys: str, codes: list[str]
) -> None:
    """For SQS a group is its name, whoever sends; publishers have no common order before that."""
    text = f"""
duration: 1m
resources:
  Orders: {{type: sqs.queue, FifoQueue: {fifo}}}
  Workers: {{type: worker.fleet, queue: Orders, workers: 1, handler: {{time: 1s}}}}
workload:
  - {{name: A, to: Orders, rate: 1/s, keys: 5}}
  - {{name: B, to: Orders, rate: 1/s, keys: {keys}}}
"""
    assert [each.code for each in load_text(text).warnings] == codes

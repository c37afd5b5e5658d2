"""Publishers: what messages are – keys, marks, attributes, sizes, numbers, and the draws behind
them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from msgsim.model.message import NUMBERS_PER_WORKLOAD
from msgsim.services.publisher.minting import size_of
from tests.services.publisher_bench import Bench, FakeTarget, S, sent


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

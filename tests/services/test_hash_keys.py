"""`ExplicitHashKey` of a workload: where in a stream's hash space each record is put."""

from __future__ import annotations

from hashlib import md5
from typing import Any

import pytest

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.model.aggregate import Aggregate
from msgsim.model.message import Key, Message, placed
from msgsim.problems import ProblemError
from msgsim.scenario.load import load_text

TOP = 2**128 - 1
HEAD = """
msgsim: 1
question: Where do records go?
seed: 4
duration: 2m
resources:
  Clicks: {type: kinesis.stream, ShardCount: 4}
  Reader: {type: kinesis.consumer, StreamARN: Clicks, handler: {time: 1ms}}
  Orders: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 1ms}}
workload:
  - {to: Orders, rate: 1/s}
  - {name: Web, to: Clicks, rate: 50/s, keys: 1, size: 100B, until: 100s%s}
"""


def records(more: str, head: str = HEAD) -> list[list[Message]]:
    """Run, and return what each shard stored, in order."""
    found: dict[int, list[Message]] = {}

    class Listening:
        def listener(self, component: Any, signal: Any) -> Any:
            if component.name == "Clicks" and signal.name == "stored":
                return lambda now, shard, message: found.setdefault(shard, []).append(message)
            return None

    drive(prepare(load_text(head % more), observers=[Listening()]))
    return [found.get(shard, []) for shard in range(4)]


def counts(more: str, head: str = HEAD) -> list[int]:
    return [len(shard) for shard in records(more, head)]


def test_one_key_goes_to_the_shard_of_its_md5():
    """Without an explicit hash key. Source: Kinesis API Reference, PutRecord."""
    at = int.from_bytes(md5(b"key-0").digest(), "big") * 4 >> 128
    assert counts("") == [5000 if shard == at else 0 for shard in range(4)]


@pytest.mark.parametrize(
    ("key", "shard"), [(0, 0), (2**126 - 1, 0), (2**126, 1), (2**127, 2), (TOP, 3)]
)
def test_a_hash_key_says_which_shard(key, shard):
    """ "A hash value used to explicitly determine the shard": PutRecord, API Reference; four shards
    have a quarter of the hash space each.
    """
    found = counts(f", ExplicitHashKey: {key}")
    assert found == [5000 if index == shard else 0 for index in range(4)]


def test_hash_keys_are_taken_in_turn():
    assert counts(f", ExplicitHashKey: [0, {2**127}]") == [2500, 0, 2500, 0]


def test_hash_keys_of_single_keys_leave_the_others_where_they_were():
    head = HEAD.replace("keys: 1", "keys: {gold: 50%%, basic: 50%%}")
    usual = records("", head)
    (gold,) = [i for i, shard in enumerate(usual) if any(m.key.name == "gold" for m in shard)]
    other = (gold + 1) % 4
    moved = records(f", ExplicitHashKey: {{gold: {other * 2**126}}}", head)

    def places(shards: list[list[Message]], name: str) -> set[int]:
        return {i for i, shard in enumerate(shards) if any(m.key.name == name for m in shard)}

    assert places(moved, "gold") == {other}
    assert places(moved, "basic") == places(usual, "basic")


def test_random_hash_keys_spread_a_hot_key_evenly():
    """5,000 records over four equal shards: 1,250 ± 31 each (binomial), so within 4.5 of these."""
    found = counts(", ExplicitHashKey: random")
    assert sum(found) == 5000
    assert all(abs(count - 1250) < 4.5 * 31 for count in found)


def measured(rate: str, component: str, metric: str) -> list[float]:
    """Run without and with random hash keys; return a metric of both."""
    head = HEAD.replace("rate: 50/s", f"rate: {rate}").replace("until: 100s", "until: 20s")
    runs = [
        msgsim.run(load_text(head % more)).runs[0] for more in ("", ", ExplicitHashKey: random")
    ]
    return [run.observers.metrics.value(component, None, metric) for run in runs]


def test_random_hash_keys_cure_a_hot_key():
    """2,000 records/s of one key: one shard takes 1,000 of them, four shards all. Source: Kinesis
    developer guide, service-sizes-and-limits (1,000 records/s per shard).
    """
    hashed, spread = measured("2000/s", "Clicks", "throttled")
    assert hashed > 0 == spread


def test_the_price_is_the_order_of_the_key():
    """Order holds within a shard, and the key's records are in four. Source: key-concepts."""
    hashed, spread = measured("500/s", "Reader", "order_inversions")
    assert hashed == 0 < spread


def test_other_draws_stay_as_they_are():
    """Times, sizes and keys of the messages do not depend on where they are put."""
    head = HEAD.replace("keys: 1", "keys: 9").replace(
        "size: 100B", "size: {dist: uniform, low: 1B, high: 900B}"
    )
    head = head.replace("rate: 50/s", "arrivals: {poisson: 50/s}")
    told = [
        sorted(
            (m.number, m.key.name, m.rank, m.size_bytes, m.born_ns)
            for shard in records(more, head)
            for m in shard
        )
        for more in ("", ", ExplicitHashKey: random")
    ]
    assert told[0] == told[1]


@pytest.mark.parametrize("batch", [", batch: 10", ", kpl: true"])
def test_batches_and_aggregates_are_placed_too(batch):
    found = records(f", ExplicitHashKey: [0, {2**127}]{batch}")
    assert [{message.number % 2 for message in shard} for shard in found] == [
        {0},
        set(),
        {1},
        set(),
    ]
    assert sum(map(len, found)) == 5000


def test_an_aggregate_is_put_where_its_first_part_is():
    key = Key("k")
    parts = [placed(Message(n, key, n, 0), str(n)) for n in range(2)]
    assert Aggregate(parts, 0, 100, 0).explicit_hash_key == "0"
    assert Message(0, key, 0, 0).explicit_hash_key is None


def refusal(more: str, head: str = HEAD) -> tuple[str, str]:
    with pytest.raises(ProblemError) as caught:
        load_text(head % more)
    (problem,) = caught.value.problems
    return problem.code, problem.message


@pytest.mark.parametrize("key", ["-1", str(2**128), f"[0, {2**128}]", f"{{key-0: {2**129}}}"])
def test_hash_keys_have_128_bits(key):
    """InvalidArgumentException. Source: Kinesis API Reference, PutRecord."""
    code, message = refusal(f", ExplicitHashKey: {key}")
    assert code == "E201"
    assert "InvalidArgumentException" in message and str(TOP) in message


@pytest.mark.parametrize("key", ["0x10", "half", "1.5", "[]", "{}", "[[1]]", "{key-0: [1]}"])
def test_hash_keys_are_whole_numbers(key):
    code, message = refusal(f", ExplicitHashKey: {key}")
    assert code == "E130" and "decimal" in message


def test_only_streams_have_hash_keys():
    code, message = refusal(
        "", HEAD.replace("{to: Orders, rate: 1/s}", "{to: Orders, rate: 1/s, ExplicitHashKey: 0}")
    )
    assert code == "E134" and "Orders is none" in message


def test_a_hash_key_belongs_to_a_key_that_is_sent():
    code, message = refusal(", ExplicitHashKey: {key-1: 0}")
    assert code == "E134" and "key-1" in message


def test_a_stream_that_spreads_records_ignores_them():
    """AUTO ignores partition key and ExplicitHashKey. Source: API Reference, CreateStream."""
    head = HEAD.replace("ShardCount: 4", "RecordDistributionStrategy: AUTO")
    scenario = load_text(head % ", ExplicitHashKey: 0")
    assert "W384" in [problem.code for problem in scenario.warnings]
    assert counts(", ExplicitHashKey: 0", head) == [1250] * 4

"""Whatever happens to a Kinesis mapping in ms.Cloud: no record is lost, no key overtaken
(with-kinesis.html).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.stream_room import Room


@pytest.fixture
def room() -> Room:
    return Room()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3), st.integers(1, 4)),
        st.tuples(st.just("advance"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("size"), st.integers(1, 5), st.integers(1, 3)),
        st.tuples(st.just("enable"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("split"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@pytest.mark.parametrize("pushed", [False, True])
@settings(max_examples=25, deadline=None)
@given(steps=STEPS, seed=st.integers(1, 5))
def test_no_record_is_lost_and_no_key_overtaken_whatever_is_changed(pushed, steps, seed):
    """At least once, in the order of each key at the first time: puts, changes of size and
    parallelism, pauses, splits, and a handler that fails every third time. Source: with-kinesis.
    """
    room = Room(seed=seed)
    first: dict[str, list[int]] = {}
    sent: dict[str, int] = {}
    done: set[str] = set()

    def code(event: Any, texts: list[str]) -> None:
        room.cloud.sleep(0.3)
        if len(room.seen) % 3 == 0:
            raise ValueError
        for text in texts:
            if text not in done:
                done.add(text)
                key, _, number = text.partition("/")
                first.setdefault(key, []).append(int(number))

    room.function(code)
    uuid = room.map(source=room.consumer() if pushed else None)
    for what, a, b in steps:
        if what == "put":
            for _ in range(b):
                key = str(a)
                room.put(f"{key}/{sent.get(key, 0)}", key=key)
                sent[key] = sent.get(key, 0) + 1
        elif what == "advance":
            room.cloud.advance(a / 10)
        elif what == "size":
            room.lam.update_event_source_mapping(UUID=uuid, BatchSize=a, ParallelizationFactor=b)
        elif what == "enable":
            room.lam.update_event_source_mapping(UUID=uuid, Enabled=bool(a))
        elif len(room.kinesis.list_shards(StreamName="clicks")["Shards"]) == 1:
            room.kinesis.split_shard(
                StreamName="clicks",
                ShardToSplit="shardId-000000000000",
                NewStartingHashKey=str(2**127),
            )
            room.cloud.advance(31)
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    room.cloud.advance("5m")
    assert first == {key: list(range(count)) for key, count in sent.items()}


def test_the_same_seed_gives_the_same_story():
    def story() -> list[Any]:
        room = Room(seed=7, shards=3)
        room.function(lambda event, texts: room.cloud.sleep(0.1 * len(texts)))
        room.map(ParallelizationFactor=2)
        for number in range(40):
            room.put(f"{number}", key=str(number % 7))
            room.cloud.advance(0.1)
        room.cloud.advance(20)
        return [room.seen, [str(life) for life in room.cloud.history()]]

    assert story() == story()

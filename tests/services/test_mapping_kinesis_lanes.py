"""What a Kinesis mapping knows of a shard: lanes, checkpoints, halves – whatever order batches
end in.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.model.streams import Progress
from msgsim.services.event_source_mapping.lanes import Batch, Held, Lane


def held(position: int) -> Held:
    message = Message(position, Key("k"), position, 0)
    copy = Copy(message, 0)
    return Held(copy, Delivery(copy, 1, 0), position, position, 100)


@given(st.permutations(range(12)))
@settings(max_examples=50)
def test_the_checkpoint_is_the_oldest_unfinished_record(order: list[int]) -> None:
    """Records may finish in any order (several lanes); the checkpoint never passes an open one."""
    progress = Progress(0)
    records = [held(position) for position in range(12)]
    for record in records:
        progress.add(record)
    progress.read_to = 12
    for position in order:
        records[position].done = True
        progress.advance()
        still_open = [record.position for record in records if not record.done]
        assert progress.checkpoint == (still_open[0] if still_open else 12)
        assert [record.position for record in progress.unfinished()] == still_open


@given(st.lists(st.integers(1, 700), min_size=1, max_size=60), st.integers(1, 9))
@settings(max_examples=50)
def test_a_lane_hands_out_everything_in_order(record_sizes: list[int], batch_size: int) -> None:
    """Batches respect size and payload, and their records follow each other without a gap."""
    lane = Lane(batch_size, 1_000, 0)
    for position, size in enumerate(record_sizes):
        record = held(position)
        record.size_bytes = size
        lane.add(0, record)
    out: list[int] = []
    while (batch := lane.next_batch(0)) is not None:
        assert 1 <= len(batch.records) <= batch_size
        assert sum(record.size_bytes for record in batch.records) <= 1_000
        out.extend(record.position for record in batch.records)
    assert out == list(range(len(record_sizes)))


@given(st.integers(2, 50))
def test_halves_make_the_whole(size: int) -> None:
    batch = Batch([held(position) for position in range(size)])
    first, second = batch.halves()
    assert first.records + second.records == batch.records
    assert 0 <= len(second.records) - len(first.records) <= 1

"""What a stream keeps of its readers: how far each has read, and what each still needs."""

from __future__ import annotations

from collections.abc import Iterator

from msgsim.services.kinesis.shards import StreamState


class Readers:
    """The readers of one stream, by name.

    Records are forgotten when every registered reader has passed them. What expires before a
    reader has read it is missed, and told once.

    Args:
        state: the stream's shards.
    """

    __slots__ = ("_passed", "_read_to", "_state")

    def __init__(self, state: StreamState) -> None:
        self._state = state
        self._passed: dict[str, list[int]] = {}
        self._read_to: dict[str, dict[int, int]] = {}

    def register(self, name: str) -> None:
        """Keep records until this reader has passed them, too."""
        self._passed[name] = [0] * len(self._state.shards)

    def forget(self, name: str) -> None:
        """Keep nothing for a reader any more."""
        self._passed.pop(name, None)
        self._read_to.pop(name, None)

    def begin(self, name: str, shard: int, position: int) -> None:
        """Note where a reader begins; what expires from there on is missed by it."""
        self._read_to.setdefault(name, {})[shard] = position

    def has_read(self, name: str, shard: int, position: int) -> None:
        """Note how far a reader has read, if it has said where it begins."""
        read_to = self._read_to.get(name)
        if read_to is not None:
            read_to[shard] = max(read_to[shard], position)

    def passed(self, name: str, shard: int, position: int) -> None:
        """Note that a reader needs nothing before `position`; forget what nobody needs."""
        passed = self._passed[name]
        if position <= passed[shard]:
            return
        passed[shard] = position
        needed = min(each[shard] for each in self._passed.values())
        self._state.release_before(shard, needed)

    def add_shards(self, shards: list[int]) -> None:
        """Let every reader wait for new shards, from their beginning."""
        for passed in self._passed.values():
            passed.extend(0 for _ in shards)
        for read_to in self._read_to.values():
            read_to.update((shard, 0) for shard in shards)

    def missed(self, shard: int) -> Iterator[tuple[str, int]]:
        """Yield who has just missed how many records of a shard."""
        first = self._state.shards[shard].log.first
        for name, read_to in self._read_to.items():
            count = first - read_to.get(shard, first)
            if count > 0:
                read_to[shard] = first
                yield name, count

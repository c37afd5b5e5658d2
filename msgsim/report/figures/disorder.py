"""Disorder as numbers: who was overtaken within its key, by how much, and where it is worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msgsim.report.figures.data import OrderData

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranked:
    """The messages of one run in order of publication.

    Attributes:
        data: where they come from.
        sent: their numbers, ascending.
        send_rank, done_rank: places in the two orders, from 1, in steps of the stride.
        keys: their keys.
        late: places by which a message was done later within its key than it was sent.
        overtaken: done after a later one of its key (the reordered packet of RFC 4737).
        drops: indices (earlier, later) of neighbours within a key that were done the other way.
    """

    data: OrderData
    sent: Ints
    send_rank: Ints
    done_rank: Ints
    keys: NDArray[np.str_]
    late: Ints
    overtaken: NDArray[np.bool_]
    drops: tuple[NDArray[np.intp], NDArray[np.intp]]


def ranked(data: OrderData) -> Ranked:
    """Bring messages in order of publication and compare the two orders key by key."""
    order = np.lexsort((data.done, data.sent))
    done_rank = places(np.asarray(data.done)[order])
    keys = np.array(data.keys, dtype=str)[order]
    late = np.zeros(len(order), dtype=np.int64)
    overtaken = np.zeros(len(order), dtype=bool)
    drops: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    for members in groups(keys):
        by_completion = np.argsort(done_rank[members], kind="stable")
        late[members] = places(done_rank[members]) - np.arange(1, len(members) + 1)
        latest = np.maximum.accumulate(by_completion)
        overtaken[members[by_completion]] = by_completion < latest
        falls = np.flatnonzero(np.diff(done_rank[members]) < 0)
        drops.append((members[falls], members[falls + 1]))
    return Ranked(
        data=data,
        sent=np.asarray(data.sent)[order],
        send_rank=1 + np.arange(len(order)) * data.stride,
        done_rank=1 + (done_rank - 1) * data.stride,
        keys=keys,
        late=late * data.stride,
        overtaken=overtaken,
        drops=(np.concatenate([d[0] for d in drops]), np.concatenate([d[1] for d in drops])),
    )


def places(values: Ints) -> Ints:
    """Return each value's place in ascending order, from 1; equal values keep their order."""
    found = np.empty(len(values), dtype=np.int64)
    found[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return found


def groups(keys: NDArray[np.str_]) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of each key's messages, ascending."""
    by_key = np.argsort(keys, kind="stable")
    sorted_keys = keys[by_key]
    yield from np.split(by_key, np.flatnonzero(sorted_keys[1:] != sorted_keys[:-1]) + 1)


def worst_window(runs: Sequence[Ranked], shown: int) -> tuple[int, int]:
    """Return the first and last number of a window with about `shown` messages of each run.

    It is where most messages were done before the one sent before them under the same key. One
    window for all runs, so that the same messages are compared; the start if all is in order.
    """
    numbers = np.unique(np.concatenate([run.sent for run in runs]))
    width = shown * len(numbers) * len(runs) // sum(len(run.sent) for run in runs)
    if len(numbers) <= width:
        return int(numbers[0]), int(numbers[-1])
    troubled = np.zeros(len(numbers), dtype=np.int64)
    for run in runs:
        earlier, later = (np.searchsorted(numbers, run.sent[side]) for side in run.drops)
        np.add.at(troubled, later[later - earlier < width // 2], 1)
    sums = np.concatenate(([0], troubled.cumsum()))
    begin = int((sums[width:] - sums[:-width]).argmax())
    return int(numbers[begin]), int(numbers[begin + width - 1])


def telling_keys(runs: Sequence[Ranked], window: tuple[int, int], most: int) -> list[str]:
    """Return the keys to colour: with most drops inside the window, then with most messages.

    A key of which the window shows one message tells nothing about order and is left out, unless
    all keys can be coloured or there is no other.
    """
    drops: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    for run in runs:
        inside = (run.sent >= window[0]) & (run.sent <= window[1])
        messages |= Counter(run.keys[inside].tolist())
        earlier, later = run.drops
        drops.update(run.keys[later[inside[earlier] & inside[later]]].tolist())
    everywhere = set().union(*(run.keys.tolist() for run in runs))
    if len(everywhere) <= most:
        return sorted(everywhere)
    telling = [key for key in messages if messages[key] > 1] or list(messages)
    return sorted(sorted(telling, key=lambda key: (-drops[key], -messages[key], key))[:most])

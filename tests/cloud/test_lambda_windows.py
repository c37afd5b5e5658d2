"""Tumbling windows in ms.Cloud that do not go as planned: given up, or met by a change.

Source: Lambda developer guide, services-kinesis-windows.html; API Reference,
UpdateEventSourceMapping ("pause invocation and resume later from the same location").
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.stream_room import Room, counting

Event = dict[str, Any]


class Windows(Room):
    """A stream, and a function that counts records in windows of a minute."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.fails = False
        count = counting(self.events)

        def answer(event: Event, texts: list[str]) -> Any:
            reply = count(event, texts)
            if self.fails and event["isFinalInvokeForWindow"]:
                raise ValueError
            return reply

        self.function(answer)
        source = self.consumer() if settings.pop("pushed", False) else None
        self.uuid = self.map(source=source, TumblingWindowInSeconds=60, **settings)

    def change(self, **settings: Any) -> None:
        self.lam.update_event_source_mapping(UUID=self.uuid, **settings)

    @property
    def totals(self) -> list[tuple[str, int]]:
        """The beginning (minute) and the count of each final invocation."""
        return [
            (event["window"]["start"][14:16], event["state"].get("count", 0))
            for event in self.events
            if event["isFinalInvokeForWindow"]
        ]


def test_a_window_that_is_given_up_leaves_no_state_to_the_next():
    """Each window begins with an empty state, whatever became of the one before."""
    room = Windows(MaximumRetryAttempts=1)
    room.fails = True
    room.put("a", "b")
    room.cloud.advance_to(65)
    room.cloud.advance(10)
    room.fails = False
    room.put("c")
    room.cloud.advance_to(130)
    assert room.totals == [("00", 2), ("00", 2), ("01", 1)]
    assert [event["state"] for event in room.events if event["texts"] == ["c"]] == [{}]


@pytest.mark.parametrize("pushed", [False, True], ids=["polled", "pushed"])
@pytest.mark.parametrize(
    "changes",
    [
        [{"BatchSize": 7}],
        [{"BatchSize": 7}, {"MaximumRetryAttempts": 3}],
        [{"Enabled": False}, {"Enabled": True}],
    ],
    ids=["changed", "changed twice", "disabled and enabled"],
)
def test_a_window_goes_on_after_a_change(pushed, changes):
    """A change stops no window: what comes after it is counted with what came before."""
    room = Windows(pushed=pushed)
    room.cloud.advance_to(120)
    room.put("a", "b")
    room.cloud.advance(5)
    for change in changes:
        room.change(**change)
        room.cloud.advance(5)
    room.put("c")
    room.cloud.advance_to(200)
    assert room.totals == [("02", 3)]


def test_a_window_may_end_while_its_mapping_is_disabled():
    """Its final invocation waits for the mapping, as records do."""
    room = Windows()
    room.put("a")
    room.cloud.advance(5)
    room.change(Enabled=False)
    room.cloud.advance_to(100)
    assert room.totals == []
    room.change(Enabled=True)
    room.cloud.advance(10)
    assert room.totals == [("00", 1)]


@pytest.mark.parametrize(
    "change", [{"TumblingWindowInSeconds": 30}, {"ParallelizationFactor": 2}], ids=str
)
def test_other_windows_or_lanes_begin_anew(change):
    """A window of another length is another window, and other lanes hold other keys."""
    room = Windows()
    room.cloud.advance_to(120)
    room.put("a", "b")
    room.cloud.advance(5)
    room.change(**change)
    room.cloud.advance_to(140)
    room.put("c")
    room.cloud.advance_to(200)
    assert room.totals == [("02", 1)]
    assert [event["state"] for event in room.events if event["texts"] == ["c"]] == [{}]


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 3)),
        st.tuples(st.just("advance"), st.integers(1, 50)),
        st.tuples(st.just("size"), st.integers(1, 4)),
        st.tuples(st.just("enable"), st.integers(0, 1)),
    ),
    max_size=15,
)


@pytest.mark.parametrize("pushed", [False, True], ids=["polled", "pushed"])
@settings(max_examples=20, deadline=None)
@given(steps=CHANGES)
def test_final_counts_add_up_whatever_is_changed(pushed, steps):
    """Every record is counted in the window in which it arrived, and each window is closed once,
    whatever is changed meanwhile.
    """
    room = Windows(pushed=pushed)
    room.cloud.advance_to(60)
    expected: dict[int, int] = {}
    for what, number in steps:
        if what == "put":
            room.put(*["x"] * number)
            minute = int(room.cloud.now // 60)
            expected[minute] = expected.get(minute, 0) + number
        elif what == "advance":
            room.cloud.advance(number)
        elif what == "size":
            room.change(BatchSize=number)
        else:
            room.change(Enabled=bool(number))
    room.change(Enabled=True)
    room.cloud.advance("5m")
    assert room.totals == [(f"{minute:02}", count) for minute, count in sorted(expected.items())]

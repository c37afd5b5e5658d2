"""Publishers that replay a trace from a file, and files that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from msgsim.model.spec import FieldError
from msgsim.services.publisher.publisher import Publisher
from tests.services.publisher_bench import MS, Bench, FakeTarget, S


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

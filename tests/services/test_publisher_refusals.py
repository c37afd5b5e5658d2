"""Workloads of publishers that are refused, by AWS's limits or as contradictions, or draw
advice.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from msgsim.experiment.run import drive, prepare
from msgsim.model.spec import FieldError, Spec
from msgsim.problems import ProblemError
from msgsim.scenario.load import load_text
from msgsim.services.publisher import SERVICE
from tests.services.publisher_bench import workload

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

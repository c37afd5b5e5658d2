"""Every numbered case of what SQS, SNS and Kinesis do has a test that is named after it.

A case is given, when, then, with numbers, and its evidence: AWS's documentation or a test recorded
against AWS. The mark `conformance("SQS C01")` says which case a test shows; a case may have
several, by hand through `ms.Cloud` and in a scenario.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

CASES = {
    "SQS C01": "a message comes back after its visibility timeout, with another receipt",
    "SQS C02": "a long poll does not wait to fill its batch",
    "SQS C03": "the receive after maxReceiveCount moves the message, FIFO",
    "SQS C04": "a repeated send is swallowed for five minutes, even after a delete",
    "SQS C05": "deduplication scope queue and messageGroup",
    "SQS C06": "a receive takes as many as possible of one group first",
    "SQS C07": "a late delete: standard succeeds, FIFO is refused",
    "SQS C08": "FIFO has the queue's delay only",
    "SQS C09": "a mapping retries after the visibility timeout",
    "SQS C10": "a FIFO mapping with reported failures",
    "SQS C11": "the ramp of a mapping to 1,250",
    "SQS C12": "the in-flight quota: OverLimit on short polls of standard queues only",
    "SQS C13": "retention after a move, standard and FIFO",
    "SNS 1": "fan-out",
    "SNS 2": "batch and size limits",
    "SNS 3": "FIFO parameters",
    "SNS 4": "deduplication across groups",
    "SNS 5": "FIFO fan-out keeps order",
    "SNS 6": "filter policies: AND of keys, OR of values",
    "SNS 7": "no attributes",
    "SNS 8": "policy propagation",
    "SNS 9": "an outage of SQS",
    "SNS 10": "a deleted queue",
    "SNS 11": "the default policy of HTTP",
    "SNS 12": "errors of a function",
    "SNS 13": "the regional publish quota",
    "Kinesis C1": "the MD5 of a key picks the shard",
    "Kinesis C2": "a thousand records per second and shard",
    "Kinesis C3": "PutRecords fails in part",
    "Kinesis C4": "a retried entry lands behind its successors",
    "Kinesis C5": "one put after the other keeps order",
    "Kinesis C6": "five reads per second, and fan-out beside them",
    "Kinesis C7": "a read of 10 MiB closes the shard for five seconds",
    "Kinesis C8": "three pollers fall behind together",
    "Kinesis C9": "a split shard is drained, then its children are read",
    "Kinesis C10": "an iterator is good for five minutes",
    "Kinesis C11": "a mapping polls a shard once a second",
    "Kinesis C12": "a bad record stops its shard: without limits, with two retries",
    "Kinesis C13": "Firehose delivers by size or by interval",
}


def marked() -> Iterator[tuple[str, str]]:
    """Yield `(case, test)` of every test function that is marked."""
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if "mark.conformance" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if ast.unparse(mark).startswith("pytest.mark.conformance("):
                        assert isinstance(mark, ast.Call)
                        yield ast.literal_eval(mark.args[0]), node.name


FOUND = list(marked())


@pytest.mark.parametrize("case", CASES)
def test_the_case_has_a_test_named_after_it(case: str) -> None:
    names = [name for found, name in FOUND if found == case]
    number = re.sub(r"\D", "", case)
    assert names, f"no test is marked conformance({case!r}): {CASES[case]}"
    assert all(re.match(rf"test_c(ase_)?0*{int(number)}_", name) for name in names)


def test_no_mark_names_a_case_that_does_not_exist() -> None:
    assert {case for case, _ in FOUND} <= set(CASES)

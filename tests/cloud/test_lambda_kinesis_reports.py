"""Partial responses to a Kinesis mapping in ms.Cloud: the lowest reported record is the checkpoint
(services-kinesis-batchfailurereporting.html).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.stream_room import PARTIAL, Room, reports


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_lowest_reported_record_is_the_checkpoint(room):
    """It and everything after it come again, what was before does not. Source:
    services-kinesis-batchfailurereporting.html.
    """
    room.function(lambda event, texts: reports("b", "d")(event, texts) if len(texts) > 4 else None)
    room.map(**PARTIAL)
    room.put(*"abcde")
    room.cloud.advance(10)
    assert room.batches == [list("abcde"), list("bcde")]


def test_the_rest_of_a_batch_has_fresh_retries(room):
    """BatchSize 3, three retries, the sixth record always fails: it is delivered 1 + 4 times, and
    the document says four invocations and one record. Source: LocalStack's AWS test
    test_kinesis_report_batch_item_failures.
    """
    url = room.queue("lost")
    room.function(reports("6"))
    room.map(
        BatchSize=3,
        MaximumRetryAttempts=3,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
        **PARTIAL,
    )
    room.put(*"123456")
    room.cloud.advance(60)
    assert room.batches == [list("123"), list("456"), ["6"], ["6"], ["6"], ["6"]]
    (document,) = room.documents(url)
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert document["responseContext"]["functionError"] is None


@pytest.mark.parametrize(
    "response",
    [None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}],
)
def test_responses_that_mean_success(room, response):
    """Source: services-kinesis-batchfailurereporting.html; LocalStack's AWS tests
    test_kinesis_report_batch_item_success_scenarios.
    """
    room.function(lambda event, texts: response)
    room.map(MaximumRetryAttempts=2, **PARTIAL)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == [["a"]]


@pytest.mark.parametrize(
    "failures",
    [
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"itemIdentifier": "invalid"}],
        [{"id": "x"}],
        "raise",
    ],
)
def test_responses_that_mean_failure_of_the_whole_batch(room, failures):
    """An identifier that is empty, null or unknown, another key, an exception: all records come
    again, here three times in all. Source: as above, test_…failure_scenarios.
    """
    url = room.queue("lost")

    def code(event: Any, texts: list[str]) -> Any:
        if failures == "raise":
            raise ValueError
        return {"batchItemFailures": failures}

    room.function(code)
    room.map(
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
        **PARTIAL,
    )
    room.put("a", "b")
    room.cloud.advance(10)
    assert room.batches == [["a", "b"]] * 3
    (document,) = room.documents(url)
    assert document["KinesisBatchInfo"]["batchSize"] == 2
    expected = "Unhandled" if failures == "raise" else None
    assert document["responseContext"]["functionError"] == expected


def test_a_report_is_not_read_unless_the_mapping_says_so(room):
    room.function(reports("a"))
    room.map()
    room.put("a", "b")
    room.cloud.advance(10)
    assert room.batches == [["a", "b"]]

"""What idempotency keys cost: write request units of DynamoDB, worked by hand from its prices.

A write of an item up to 1 KB is one unit, a conditional write costs the same whether its condition
holds or not, and items that a time-to-live ends are deleted for nothing. Source: Amazon DynamoDB
developer guide, read-write-operations.html, TTL.html; $0.625 for a million units in us-east-1 since
November 2024, https://aws.amazon.com/dynamodb/pricing/on-demand/.
"""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.experiment.run import Run, drive, prepare
from msgsim.observe.invariants import bills
from msgsim.services.lambda_function.billing import KEYS, FunctionMeter

EVENTS = """
question: What do keys cost?
duration: 5m
resources:
  Fn:
    type: lambda.function
    Timeout: 5
    handler: {time: 20ms, idempotency: {ttl: 1m}}
  Topic: {type: sns.topic, Subscription: [{Protocol: lambda, Endpoint: Fn}]}
workload: [{to: Topic, rate: 10/s, count: 100}]
assumptions:
  lambda.function: {async_missed_delete_share: 0, idempotency_item: 1KiB}
"""
REPLICAS = """
question: What do keys cost that are found taken?
duration: 5m
resources:
  Orders: {type: sqs.queue}
  Fn:
    type: lambda.function
    Timeout: 5
    handler: {time: 20ms, idempotency: {ttl: 1h}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Orders, FunctionName: Fn}
workload: [{to: Orders, rate: 20/s, until: 3m}]
assumptions:
  sqs.queue: {missed_delete_share: 0.1}
"""


def run(text: str, **changes: Any) -> Run:
    scenario = msgsim.load_text(text)
    for path, value in changes.items():
        scenario = scenario.replace(path.replace("__", "."), value)
    one = prepare(scenario)
    drive(one)
    return one


def line(one: Run) -> dict[str, Any] | None:
    """Return the line of the keys on the function's bill."""
    found = one.observers.cost.to_json()["components"]["Fn"]["lines"]
    return next((each for each in found if each["request"] == KEYS), None)


def test_a_claim_and_a_completion_are_two_units() -> None:
    """100 records, two writes each: 200 units, 200 x $0.625 / 1,000,000 = $0.000125. That their
    keys end after a minute, long before the run, costs nothing.
    """
    found = line(run(EVENTS))
    assert found is not None
    assert found["units"] == 200
    assert found["usd"] == pytest.approx(0.000125)
    assert (found["price_usd"], found["price_per"]) == (0.625, 1_000_000)


def test_a_month_of_keys() -> None:
    """100 records in 5 minutes are 8,760 times as many in 730 h: 1,752,000 units, $1.095."""
    found = line(run(EVENTS))
    assert found is not None
    assert found["per_month_usd"] == pytest.approx(1.095)


def test_a_claim_that_finds_the_key_taken_costs_as_much() -> None:
    """Copies that come back find their key: one unit each, and no completion."""
    one = run(REPLICAS)
    counts = one.observers.duplicates.to_json()["Orders"]
    found = line(one)
    assert found is not None
    assert counts["skipped"] > 200
    assert found["units"] == 2 * counts["effects"] + counts["skipped"]


def test_a_release_is_a_write_too() -> None:
    """A handler that always raises: three attempts at each event (invocation-async.html), each with
    a claim and a delete that gives the key back: 100 x 3 x 2.
    """
    found = line(run(EVENTS, Fn__handler__fails="100%"))
    assert found is not None
    assert found["units"] == 600


@pytest.mark.parametrize(
    ("item", "units"), [("1B", 1), ("1024B", 1), ("1025B", 2), ("2.5KiB", 3), ("400KiB", 400)]
)
def test_larger_items_take_a_unit_for_each_kb(item: str, units: int) -> None:
    """Rounded up to the next KB; read-write-operations.html."""
    found = line(run(EVENTS.replace("idempotency_item: 1KiB", f"idempotency_item: {item}")))
    assert found is not None
    assert found["units"] == 200 * units


def test_without_keys_there_is_no_line_and_no_assumption() -> None:
    bare = run(
        EVENTS.replace(", idempotency: {ttl: 1m}", "").replace(", idempotency_item: 1KiB", "")
    )
    keyed = run(EVENTS)
    assert line(bare) is None
    assert ("lambda.function", "idempotency_item") not in bare.system.assumptions
    assert ("lambda.function", "idempotency_item") in keyed.system.assumptions


@pytest.mark.unchecked
def test_the_bill_invariant_sees_a_meter_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the meter takes only claims that succeed for writes."""
    called = FunctionMeter._store_called

    def forgets(self: FunctionMeter, now: int, operation: str) -> None:
        if operation != "claim" or self.store_calls % 3:
            called(self, now, operation)

    monkeypatch.setattr(FunctionMeter, "_store_called", forgets)
    one = prepare(msgsim.load_text(EVENTS), check=True)
    drive(one)
    assert bills.BILL in {violation.name for violation in one.violations}

"""The handler of lambda.function: effects of a batch, errors, reports and time-outs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.services.lambda_function.handler import Handler
from tests.services.lambda_built import built, function
from tests.services.lambda_caller import Caller, S


def test_a_batch_worked_as_a_whole_has_its_effects_at_the_end() -> None:
    system = built({"Fn": function("1s")})
    caller = Caller(system)
    batch = caller.invoke(caller.batch(3))
    assert [delivery.copy.starts for delivery in batch] == [1, 1, 1]
    system.run("2s")
    assert caller.completed == [(1.0, 0), (1.0, 1), (1.0, 2)]


def test_a_batch_worked_in_sequence_has_each_effect_at_its_moment() -> None:
    system = built({"Fn": function("1s", handler__time_per_record="500ms")})
    caller = Caller(system)
    batch = caller.invoke(caller.batch(3))
    assert [delivery.copy.starts for delivery in batch] == [1, 0, 0]
    system.run("1700ms")
    assert [delivery.copy.starts for delivery in batch] == [1, 1, 0]
    system.run("5s")
    assert caller.completed == [(1.5, 0), (2.0, 1), (2.5, 2)]
    assert caller.outcomes[0][0] == 2.5


@pytest.mark.parametrize("per_record", [False, True])
def test_an_error_at_record_k_leaves_the_effects_of_those_before(per_record: bool) -> None:
    """Records before the failing one have had their side effects; those after it have not."""
    more = {"handler__time_per_record": "100ms"} if per_record else {}
    system = built({"Fn": function("1s", handler__fails_if={"poison": "true"}, **more)})
    caller = Caller(system)
    batch = caller.invoke(caller.batch(4))
    assert not caller.refusals
    system.run("5s")
    assert [outcome.status for _, outcome in caller.outcomes] == ["ok"]
    batch = caller.batch(4)
    batch[2].message.attributes = {"poison": "true"}
    caller.completed.clear()
    caller.invoke(batch)
    system.run("10s")
    assert [number for _, number in caller.completed] == [4, 5]
    outcome = caller.outcomes[-1][1]
    assert outcome.status == "error"
    assert outcome.failed == [batch[2]]


@pytest.mark.parametrize(
    ("report", "done", "failed"), [("failed", [0, 1, 3, 5], [2, 4]), ("stop", [0, 1], [2, 3, 4, 5])]
)
@pytest.mark.parametrize("per_record", [False, True])
def test_reports_list_failed_records_or_stop_at_the_first(
    report: str, done: list[int], failed: list[int], per_record: bool
) -> None:
    """ReportBatchItemFailures: a handler lists failed records; on FIFO it stops at the first and
    lists that one and all after it. Source: services-sqs-errorhandling.html.
    """
    more = {"handler__time_per_record": "10ms"} if per_record else {}
    system = built(
        {"Fn": function(handler__fails_if={"poison": "1"}, handler__report=report, **more)}
    )
    caller = Caller(system)
    batch = caller.batch(6)
    for index in (2, 4):
        batch[index].message.attributes = {"poison": "1"}
    caller.invoke(batch)
    system.run("1s")
    assert [number for _, number in caller.completed] == done
    outcome = caller.outcomes[0][1]
    assert outcome.status == "ok"
    assert [delivery.message.number for delivery in outcome.failed] == failed


def test_a_handler_ends_at_its_timeout_and_its_environment_starts_anew() -> None:
    """Lambda ends an invocation at `Timeout`; the environment is reset and initialises again.

    Source: Lambda developer guide, lambda-runtime-environment.html.
    """
    system = built(
        {"Fn": function("0s", Timeout=3, handler__time_per_record="2s", cold_start="500ms")}
    )
    caller = Caller(system)
    batch = caller.invoke(caller.batch(3))
    system.run("4s")
    assert caller.completed == [(2.5, 0)]
    at, outcome = caller.outcomes[0]
    assert (at, outcome.status, outcome.failed) == (3.5, "timeout", [batch[1]])
    assert [delivery.copy.starts for delivery in batch] == [1, 1, 0]
    caller.invoke()
    assert len(system.log.of("Fn", "cold_start")) == 2
    assert system["Fn"].environments.count(system.sim.now) == 1


def test_slowness_multiplies_the_handler_but_not_the_timeout() -> None:
    system = built({"Fn": function("1s", Timeout=3)})
    caller = Caller(system)
    system["Fn"].slowness = 2.0
    caller.invoke()
    system.run("10s")
    system["Fn"].slowness = 5.0
    caller.invoke()
    system.run("20s")
    assert [(at, outcome.status) for at, outcome in caller.outcomes] == [
        (2.0, "ok"),
        (13.0, "timeout"),
    ]


def test_the_same_messages_fail_whatever_the_batches() -> None:
    """Failures belong to message and attempt, so that variants of a scenario share them."""

    def failing(size: int) -> set[int]:
        system = built({"Fn": function(handler__fails="20%", handler__report="failed")})
        caller = Caller(system)
        for _ in range(0, 600, size):
            caller.invoke(caller.batch(size))
        system.run("10s")
        return {d.message.number for _, outcome in caller.outcomes for d in outcome.failed}

    ones, tens = failing(1), failing(10)
    assert ones == tens
    assert 0.13 < len(ones) / 600 < 0.27  # 20 %, four standard errors


class _Constant:
    def __init__(self, value: int) -> None:
        self.value = value

    def at(self, number: int, attempt: int = 1) -> int:
        return self.value


@given(
    st.lists(st.booleans(), min_size=1, max_size=12),
    st.sampled_from(["raise", "failed", "stop"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_every_plan_accounts_for_its_records(
    bad: list[bool], report: str, in_sequence: bool, timeout: int
) -> None:
    """Done and failed records are disjoint, in order, and a good end leaves none out."""
    key = Key("k")
    batch = [Delivery(Copy(Message(i, key, i, 0), 0), 1, 0) for i in range(len(bad))]
    handler = Handler(
        _Constant(3),
        timeout,
        time_per_record=_Constant(2) if in_sequence else None,
        fails=lambda message, attempt: bad[message.number],
        report=report,
    )
    plan = handler.plan(batch)
    steps = plan.steps or []
    done = [d.message.number for d in plan.done] + [
        step.delivery.message.number for step in steps if step.done
    ]
    failed = [d.message.number for d in plan.failed]
    assert done == sorted(done) and failed == sorted(failed)
    assert not set(done) & set(failed)
    assert not any(bad[number] for number in done)
    assert plan.duration_ns <= timeout
    if plan.status == "ok":
        assert sorted(done + failed) == list(range(len(bad)))
    assert (plan.status == "error") <= (report == "raise" and any(bad))


def test_attempts_fail_in_a_window_of_time() -> None:
    """One invocation a second: all fail from 10 s to 20 s, about half from 30 s to 130 s (within
    four standard deviations), and none at other times.
    """
    windows = [{"at": "10s", "for": "10s"}, {"at": "30s", "for": "100s", "fails": "50%"}]
    system = built({"Fn": function("100ms", handler__fails_during=windows)})
    caller = Caller(system)
    for second in range(200):
        system.sim.at(second * S, caller.invoke)
    system.run("5m")
    failed = [int(at) for at, outcome in caller.outcomes if outcome.status == "error"]
    assert [second for second in failed if second < 30] == list(range(10, 20))
    assert abs(sum(30 <= second < 130 for second in failed) - 50) < 4 * 5
    assert max(failed) < 130

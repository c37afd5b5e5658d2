"""handler.idempotency: the key store, its race, its time-to-live, and the effects that remain."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.services.lambda_function.idempotency import CLAIMED, DONE, IN_PROGRESS, KeyStore
from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, function, mapping
from tests.services.lambda_caller import Caller

S = 10**9
STORE = {"store": {"time": "10ms"}}
PARTIAL = {"FunctionResponseTypes": ("ReportBatchItemFailures",)}


def one_function(time: str = "1s", rules: dict[str, Any] | None = None, **more: Any) -> HandBuilt:
    return built({"Fn": function(time, handler__idempotency=rules or STORE, **more)})


def effects(system: HandBuilt, component: str = "Map") -> Counter[int]:
    """Return how often each message changed the outside world."""
    done = Counter(fact[1].message.number for fact in system.log.of(component, "completed"))
    done.subtract(fact[1].message.number for fact in system.log.of(component, "skipped"))
    return done


# The store -------------------------------------------------------------------------------------


def test_a_key_is_claimed_once_until_it_is_released_or_forgotten() -> None:
    """INPROGRESS until the deadline of the execution, COMPLETED for the time-to-live; an entry
    whose time is over is as good as none. Source: Powertools for AWS Lambda, idempotency.
    """
    store = KeyStore(ttl_ns=100)
    assert store.claim(0, "k", deadline_ns=10) == CLAIMED
    assert store.claim(9, "k", deadline_ns=19) == IN_PROGRESS
    assert store.claim(10, "k", deadline_ns=20) == CLAIMED
    store.release("k")
    assert store.claim(11, "k", deadline_ns=21) == CLAIMED
    store.complete(12, "k")
    assert store.claim(111, "k", deadline_ns=121) == DONE
    assert store.claim(112, "k", deadline_ns=122) == CLAIMED


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["claim", "complete", "release"]), st.sampled_from("ab"), st.integers(0, 30)
    ),
    max_size=40,
)


@given(MOVES)
def test_the_store_agrees_with_a_naive_one(moves: list[tuple[str, str, int]]) -> None:
    """Against a list of writes that is read from its end."""
    store, written, now = KeyStore(ttl_ns=50), [], 0

    def state(key: str) -> str:
        for what, name, expires in reversed(written):
            if name == key:
                return what if what == "absent" or expires > now else "absent"
        return "absent"

    for move, key, pause in moves:
        now += pause
        before = state(key)
        if move == "claim":
            wanted = {"absent": CLAIMED, "done": DONE, "busy": IN_PROGRESS}[before]
            assert store.claim(now, key, now + 20) == wanted
            if wanted == CLAIMED:
                written.append(("busy", key, now + 20))
        elif move == "complete":
            store.complete(now, key)
            written.append(("done", key, now + 50))
        elif before != "done":
            store.release(key)
            written.append(("absent", key, 0))
    assert len(store) <= 2


# One invocation --------------------------------------------------------------------------------


def test_each_record_pays_for_two_writes() -> None:
    """Claim and completion, 10 ms each, around 1 s of work: the effect at 1.01 s, the end at 1.02;
    a second delivery of the message takes 10 ms and has no effect.
    """
    system = one_function()
    caller = Caller(system)
    batch = caller.invoke()
    system.run("2s")
    assert caller.completed == [(1.01, 0)]
    assert caller.outcomes[0][0] == pytest.approx(1.02)
    assert [fact[1] for fact in system.log.of("Fn", "store_called")] == ["claim", "complete"]
    skipped: list[bool] = []
    system["Fn"].invoke(batch, caller._ended, lambda now, d, skip=False: skipped.append(skip))
    system.run("3s")
    assert skipped == [True]
    assert caller.outcomes[1][0] == pytest.approx(2.01)


def test_two_executions_at_once_race_for_the_key() -> None:
    """The conditional write lets one through; the other fails while the first is at work, and is
    skipped when it comes back later.
    """
    system = one_function()
    first, second = Caller(system), Caller(system)
    batch = first.invoke()
    system.sim.at(S // 2, second.invoke, batch)
    system.run("3s")
    assert [outcome.status for _, outcome in second.outcomes] == ["error"]
    assert second.outcomes[0][0] == pytest.approx(0.51)
    assert len(first.completed) == 1 and second.completed == []


def test_an_error_releases_the_key() -> None:
    """A handler that raises deletes its key, so that the retry may work."""
    system = one_function(handler__fails_if={"bad": "1"}, handler__fails_attempts=1)
    caller = Caller(system)
    batch = caller.batch(1, attributes={"bad": "1"})
    caller.invoke(batch)
    system.run("2s")
    caller.invoke(batch)
    system.run("5s")
    assert [outcome.status for _, outcome in caller.outcomes] == ["error", "ok"]
    operations = [fact[1] for fact in system.log.of("Fn", "store_called")]
    assert operations == ["claim", "release", "claim", "complete"]
    assert len(caller.completed) == 1


def test_a_time_out_after_the_effect_leaves_the_gap_that_no_store_closes() -> None:
    """Ended between the side effect and the second write, the key stays in progress until the
    deadline; the next execution works again: two effects.
    """
    system = one_function("1995ms", Timeout=2, rules={"store": {"time": "3ms"}})
    caller = Caller(system)
    batch = caller.invoke()
    system.run("3s")
    caller.invoke(batch)
    system.run("10s")
    assert [outcome.status for _, outcome in caller.outcomes] == ["timeout", "timeout"]
    assert len(caller.completed) == 2


def test_records_in_sequence_are_claimed_one_by_one() -> None:
    """Three records of 100 ms: claims at their own moments, effects after each."""
    system = one_function("0s", handler__time_per_record="100ms")
    caller = Caller(system)
    caller.invoke(caller.batch(3))
    system.run("2s")
    assert [at for at, _ in caller.completed] == pytest.approx([0.11, 0.23, 0.35])
    assert caller.outcomes[0][0] == pytest.approx(0.36)


@pytest.mark.parametrize("per_record", [False, True])
@pytest.mark.parametrize("report", ["raise", "failed", "stop"])
@given(data=st.data())
def test_every_record_is_done_skipped_or_failed(
    per_record: bool, report: str, data: st.DataObject
) -> None:
    """Whatever fails and whatever is known already: of a batch that ends well, each record has had
    its effect, was skipped, or is reported; and nothing has two effects.
    """
    bad = data.draw(st.lists(st.booleans(), min_size=1, max_size=5))
    known = data.draw(st.lists(st.booleans(), min_size=len(bad), max_size=len(bad)))
    more = {"handler__time_per_record": "50ms"} if per_record else {}
    system = built(
        {
            "Fn": function(
                "10ms",
                handler__fails_if={"bad": "1"},
                handler__report=report,
                handler__idempotency=STORE,
                **more,
            )
        }
    )
    caller = Caller(system)
    batch = [caller.batch(1, attributes={"bad": "1"} if wrong else {})[0] for wrong in bad]
    for delivery, done in zip(batch, known, strict=True):
        if done:
            system["Fn"].handler.store.complete(0, delivery.message.number)
    heard: list[tuple[int, bool]] = []
    system["Fn"].invoke(
        batch,
        caller._ended,
        lambda now, d, skip=False: heard.append((d.message.number, skip)),
    )
    system.run("10s")
    outcome = caller.outcomes[0][1]
    failed = {delivery.message.number for delivery in outcome.failed}
    assert max(Counter(heard).values(), default=0) <= 1
    assert all(skip == known[number] for number, skip in heard)
    assert not any(bad[number] and not skip for number, skip in heard)
    if outcome.status == "ok":
        assert {number for number, _ in heard} | failed == set(range(len(bad)))
        assert report != "raise" or not failed
    assert system["Fn"].handler.store._in_progress == {}


# Behind a queue --------------------------------------------------------------------------------


def redelivered(rules: dict[str, Any] | None, timeout: int = 90) -> HandBuilt:
    """Return a queue whose healthy messages come back with a poisoned one, three times."""
    more = {} if rules is None else {"handler__idempotency": rules}
    system = built(
        {
            "Orders": {
                "type": "sqs.queue",
                "DelaySeconds": 1,
                "VisibilityTimeout": timeout,
                "RedrivePolicy": {"deadLetterTargetArn": "Dlq", "maxReceiveCount": 3},
            },
            "Dlq": {"type": "sqs.queue"},
            "Fn": function(
                "0s", handler__time_per_record="10ms", handler__fails_if={"bad": "1"}, **more
            ),
            "Map": mapping(),
        }
    )
    for number in range(10):
        system.send("Orders", attributes={"bad": "1"} if number == 9 else {})
    return system.run("20m")


def test_idempotency_turns_reprocessing_into_skipping() -> None:
    """Nine healthy messages sit with a poisoned one in three batches: 27 effects without
    idempotency, 9 with it.
    """
    assert sum(effects(redelivered(None)).values()) == 27
    protected = effects(redelivered(STORE))
    assert [protected[number] for number in range(9)] == [1] * 9


def test_keys_that_live_too_short_protect_nothing() -> None:
    """A time-to-live below the visibility timeout has forgotten the key when the message is back:
    as many effects as without; validation says so (W323).
    """
    short = {"ttl": "60s", **STORE}
    assert sum(effects(redelivered(short)).values()) == 27
    resources = {
        "Orders": {"type": "sqs.queue", "VisibilityTimeout": 90},
        "Fn": function(handler__idempotency=short),
        "Map": mapping(),
    }
    assert codes(resources) == ["W323"]


def test_the_id_of_a_copy_does_not_recognise_a_second_send() -> None:
    """The producer's retry makes a second message with another MessageId. A key from the message's
    own content recognises it, the MessageId does not.
    """

    def doubled(key: str) -> int:
        system = built(
            {
                "Orders": {"type": "sqs.queue"},
                "Fn": function("10ms", handler__idempotency={"key": key, **STORE}),
                "Map": mapping(BatchSize=1),
            }
        )
        message = system.message()
        system["Orders"].accept(message)
        system.run("1s")
        system["Orders"].accept(message)
        system.run("1m")
        return sum(effects(system).values())

    assert doubled("message") == 1
    assert doubled("copy") == 2


SCENARIO = """
msgsim: 1
question: Do duplicates reach the outside world?
seed: 3
duration: 10m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 30}
  Fn:
    type: lambda.function
    Timeout: 5
    handler: {time: 20ms, idempotency: {ttl: 1h, store: {time: 5ms}}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Orders, FunctionName: Fn}
workload:
  - {name: Shop, to: Orders, rate: 20/s, until: 9m}
assumptions:
  sqs.queue: {missed_delete_share: 0.05}
variants:
  protected:
  bare: {Fn.handler: {time: 20ms}}
expect:
  - {that: protected.Orders.duplicates.replica > 300, because: a twentieth of the deletes is missed}
  - {that: protected.Orders.duplicate_effects == 0, because: each copy that comes back is known}
  - {that: protected.Orders.skipped == protected.Orders.duplicates, because: all are skipped}
  - {that: protected.Orders.effects == protected.Orders.unique, because: one effect for each}
  - {that: bare.Orders.duplicate_effects == bare.Orders.duplicates, because: nothing is skipped}
  - {that: protected.Fn.store_calls >= 2 * protected.Orders.unique, because: claim and completion}
"""


def test_effects_are_a_result_of_their_own() -> None:
    """Replicas that miss every twentieth delete make duplicates; idempotency keeps them from the
    outside world, at the price of two writes for each record.
    """
    found = to_plain(msgsim.run(msgsim.load_text(SCENARIO)))
    assert [rule["rule"] for rule in found["expect"] if not rule["passed"]] == []
    for run in found["runs"]:
        assert run["invariants"]["violated"] == []
        assert all(row["sums"] for row in run["ledger"].values())

"""Updates of functions in ms.Cloud: new settings, new code, and new environments.

An update makes Lambda start new execution environments; the function goes on to be invoked, and
what runs ends as it began. Source: Lambda API Reference, UpdateFunctionConfiguration,
UpdateFunctionCode; Lambda developer guide, lambda-runtime-environment.html.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.lambda_function.environments import Environments
from tests.cloud.lambda_room import Room

STARTS = {
    "lambda.function": {
        "placement": "100ms",
        "initialisation": {"provided.al2023": "50ms", "dotnet8": "900ms"},
        "first_call": {"dotnet8": "180ms"},
    }
}


@pytest.fixture
def room() -> Room:
    return Room(assumptions=STARTS)


def seconds(room: Room, **more: Any) -> float:
    """Invoke, and return how long the caller waited."""
    before = room.cloud.now
    room.call(**more)
    return round(room.cloud.now - before, 6)


def nothing(event: Any, context: Any) -> None:
    return None


def test_a_new_runtime_sets_the_next_cold_start(room):
    """100 ms of placement and 50 ms for Go; then 900 ms and 180 ms of the first call for .NET, at
    the 512 MB where that was measured. Warm environments of the old runtime are not used again.
    """
    room.function("fn", nothing, Runtime="provided.al2023", MemorySize=512)
    assert [seconds(room), seconds(room)] == [0.15, 0]
    room.lam.update_function_configuration(FunctionName="fn", Runtime="dotnet8")
    assert [seconds(room), seconds(room)] == [1.18, 0]
    room.lam.update_function_configuration(FunctionName="fn", Runtime="provided.al2023")
    assert [seconds(room), seconds(room)] == [0.15, 0]


def test_more_memory_shortens_the_first_call(room):
    """Twice the memory is twice the CPU, below one virtual CPU at 1,769 MB (configuration-memory):
    the first call takes 90 ms instead of 180, initialisation and placement as long as before.
    """
    room.function("fn", nothing, Runtime="dotnet8", MemorySize=512)
    assert seconds(room) == 1.18
    room.lam.update_function_configuration(FunctionName="fn", MemorySize=1024)
    assert seconds(room) == 1.09


@pytest.mark.parametrize("change", [{"Timeout": 9}, {"Environment": {"Variables": {"A": "1"}}}])
def test_any_update_of_the_configuration_starts_new_environments(room, change):
    room.function("fn", nothing, Runtime="provided.al2023")
    assert [seconds(room), seconds(room)] == [0.15, 0]
    room.lam.update_function_configuration(FunctionName="fn", **change)
    assert [seconds(room), seconds(room)] == [0.15, 0]


def test_new_code_starts_new_environments(room):
    room.function("fn", nothing, Runtime="provided.al2023")
    assert [seconds(room), seconds(room)] == [0.15, 0]
    room.lam.update_function_code(FunctionName="fn", callable=lambda event, context: "new")
    assert seconds(room) == 0.15
    assert room.call() == "new"


def test_a_refused_update_leaves_the_environments(room):
    room.function("fn", nothing, Runtime="provided.al2023")
    seconds(room)
    for wrong in ({"MemorySize": 64}, {"Runtime": "cobol"}):
        with pytest.raises(room.lam.exceptions.InvalidParameterValueException):
            room.lam.update_function_configuration(FunctionName="fn", **wrong)
    assert seconds(room) == 0


def test_what_runs_ends_as_it_began(room):
    """Old code, old memory, old time-out; its environment is not used again, and the one that an
    invocation after the update gets is cold.
    """
    said: list[Any] = []

    def speaker(name: str) -> Any:
        return lambda event, context: said.append((name, context.memory_limit_in_mb))

    room.function("fn", speaker("old"), time="2s", Timeout=3, Runtime="provided.al2023")
    room.lam.invoke(FunctionName="fn", InvocationType="Event", Payload="{}")
    room.cloud.advance(1)
    room.lam.update_function_configuration(FunctionName="fn", MemorySize=256, Timeout=1)
    room.lam.update_function_code(FunctionName="fn", callable=speaker("new"), time=0)
    assert seconds(room) == 0.15
    room.cloud.advance(5)
    assert said == [("new", "256"), ("old", "128")]


def test_provisioned_environments_stay(room):
    """They belong to a published version, which an update of $LATEST does not touch. Source:
    provisioned-concurrency.html.
    """
    room.function("fn", nothing, Runtime="provided.al2023")
    room.lam.put_provisioned_concurrency_config(
        FunctionName="fn", Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    room.cloud.advance("3m")
    room.lam.update_function_configuration(FunctionName="fn", Timeout=9)
    assert seconds(room) == 0


@given(st.lists(st.sampled_from(["take", "give", "retire"]), max_size=30))
def test_a_retired_environment_never_works_again(moves: list[str]) -> None:
    """Whatever the order of invocations and updates, an environment is taken only while no update
    has come since it was created, and as many are busy as are taken.
    """
    found, busy, updates = Environments(10**9, 10**9), [], 0
    born: dict[int, int] = {}
    kept = []
    for move in moves:
        if move == "take":
            taken = found.reuse(0) or found.create(0)
            kept.append(taken)
            assert born.setdefault(id(taken), updates) == updates
            busy.append(taken)
        elif move == "give" and busy:
            found.give_back(0, busy.pop(0))
        elif move == "retire":
            found.retire()
            updates += 1
        assert found.busy == len(busy)

"""The API of functions in ms.Cloud: changed, listed, deleted, limited, and as botocore describes
it (API Reference; lambda-concurrency.html).
"""

from __future__ import annotations

import pytest

from msgsim.cloud.lambda_shapes import LAMBDA_SHAPES
from tests.cloud.hands import refused
from tests.cloud.lambda_room import Room


@pytest.fixture
def room() -> Room:
    return Room()


def test_functions_can_be_changed_listed_and_deleted(room):
    room.function("fn", lambda event, context: 1, MemorySize=256)
    with refused("ResourceConflictException"):
        room.function("fn", lambda event, context: 1)
    room.lam.update_function_code(FunctionName="fn", callable=lambda event, context: 2)
    assert room.call() == 2
    shown = room.lam.update_function_configuration(FunctionName="fn", Timeout=7)
    assert (shown["Timeout"], shown["MemorySize"]) == (7, 256)
    for wrong in ({"Timeout": 901}, {"MemorySize": 64}, {"Runtime": "cobol"}):
        with refused("InvalidParameterValueException"):
            room.lam.update_function_configuration(FunctionName="fn", **wrong)
    assert room.lam.get_function(FunctionName="fn")["Configuration"]["Timeout"] == 7
    names = [each["FunctionName"] for each in room.lam.list_functions()["Functions"]]
    assert names == ["fn"]
    room.lam.delete_function(FunctionName="fn")
    with refused("ResourceNotFoundException"):
        room.lam.invoke(FunctionName="fn")
    with refused("InvalidParameterValueException"):
        room.function("fn", "not callable")


def test_reserved_and_provisioned_concurrency(room):
    """100 stay unreserved; provisioned is ready after a minute or two and within what is reserved.
    Source: lambda-concurrency.html.
    """
    room.function("fn", lambda event, context: None)
    with refused("InvalidParameterValueException"):
        room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=901)
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=10)
    assert room.lam.get_function_concurrency(FunctionName="fn") != {}
    name = {"FunctionName": "fn", "Qualifier": "live"}
    with refused("ProvisionedConcurrencyConfigNotFoundException"):
        room.lam.get_provisioned_concurrency_config(**name)
    with refused("InvalidParameterValueException"):
        room.lam.put_provisioned_concurrency_config(**name, ProvisionedConcurrentExecutions=11)
    asked = room.lam.put_provisioned_concurrency_config(**name, ProvisionedConcurrentExecutions=5)
    assert asked["Status"] == "IN_PROGRESS"
    room.cloud.advance("2m")
    assert room.lam.get_provisioned_concurrency_config(**name)["Status"] == "READY"
    room.lam.delete_provisioned_concurrency_config(**name)
    room.lam.delete_function_concurrency(FunctionName="fn")
    found = room.lam.get_function_concurrency(FunctionName="fn")
    assert "ReservedConcurrentExecutions" not in found


def test_an_outage_of_a_function_is_a_server_error(room):
    room.function("fn", lambda event, context: None)
    room.cloud.outage("fn", 10)
    with refused("ServiceException"):
        room.lam.invoke(FunctionName="fn")
    room.cloud.advance(11)
    assert room.call() is None


def test_parameters_are_those_of_botocores_service_model():
    """Names and required members; `Code` takes a callable here, and not all of AWS's settings."""
    session = pytest.importorskip("botocore.session").get_session()
    model = session.get_service_model("lambda")
    for name, ours in LAMBDA_SHAPES.items():
        operation = "".join(part.title() for part in name.split("_"))
        theirs = model.operation_model(operation).input_shape
        extra = {"callable", "time"} if operation == "UpdateFunctionCode" else set()
        assert set(ours.members) - extra <= set(theirs.members), operation
        missing = set(theirs.required_members) - set(ours.required)
        assert missing <= {"Role"}, operation

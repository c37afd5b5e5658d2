"""Errors as boto3 raises them: botocore's own classes where it is installed, else their shape."""

from __future__ import annotations

from functools import cache
from typing import Any


class Refused(Exception):
    """AWS says no to a call or to one entry of a batch.

    Attributes:
        code: the error code as boto3 shows it.
        message: AWS's sentence, or ours where AWS's is not known.
        more: further members of the response.
    """

    def __init__(self, code: str, message: str = "", more: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.more = more or {}
        self.code = code
        self.message = message


class OwnClientError(Exception):
    """What stands in for `botocore.exceptions.ClientError`: same arguments, same attributes."""

    def __init__(self, error_response: dict[str, Any], operation_name: str) -> None:
        error = error_response["Error"]
        super().__init__(
            f"An error occurred ({error['Code']}) when calling the {operation_name} operation: "
            f"{error['Message']}"
        )
        self.response = error_response
        self.operation_name = operation_name


class OwnParamValidationError(ValueError):
    """What stands in for `botocore.exceptions.ParamValidationError`."""

    def __init__(self, report: str) -> None:
        super().__init__(f"Parameter validation failed:\n{report}")
        self.kwargs = {"report": report}


OwnParamValidationError.__name__ = "ParamValidationError"
OwnClientError.__name__ = "ClientError"


@cache
def client_error_class() -> type[Exception]:
    """Return botocore's `ClientError`, or a class of the same shape."""
    try:
        from botocore.exceptions import ClientError
    except ImportError:
        return OwnClientError
    return ClientError


@cache
def validation_error_class() -> type[Exception]:
    """Return botocore's `ParamValidationError`, or a class of the same shape."""
    try:
        from botocore.exceptions import ParamValidationError
    except ImportError:
        return OwnParamValidationError
    return ParamValidationError


class Exceptions:
    """The exception classes of a service, by shape name: `client.exceptions.QueueDoesNotExist`.

    Args:
        shapes: shape name → error code.
        statuses: error code → HTTP status, where it is not 400.
        query_codes: whether an error names its shape in `QueryErrorCode`, as SQS does.
    """

    def __init__(
        self, shapes: dict[str, str], statuses: dict[str, int], query_codes: bool = False
    ) -> None:
        base = client_error_class()
        self.ClientError = base
        self._statuses = statuses
        self._shape_of = {code: shape for shape, code in shapes.items()}
        self._classes = {shape: type(shape, (base,), {}) for shape in shapes}
        self._query_codes = query_codes

    def __getattr__(self, shape: str) -> type[Exception]:
        try:
            found: type[Exception] = self.__dict__["_classes"][shape]
        except KeyError:
            known = ", ".join(sorted(self.__dict__.get("_classes", ())))
            raise AttributeError(f"no exception {shape}; there are: {known}") from None
        return found

    def make(self, refused: Refused, operation: str, request_id: str) -> Exception:
        """Return the exception that boto3 would raise for a refusal."""
        status = self._statuses.get(refused.code, 400)
        shape = self._shape_of.get(refused.code)
        error: dict[str, Any] = {
            "Code": refused.code,
            "Message": refused.message,
            "Type": "Sender" if status < 500 else "Receiver",
        }
        if self._query_codes and shape is not None:
            error["QueryErrorCode"] = shape
        response = {
            "Error": error,
            **refused.more,
            "ResponseMetadata": {"RequestId": request_id, "HTTPStatusCode": status},
        }
        cls: Any = self._classes[shape] if shape is not None else self.ClientError
        made: Exception = cls(response, operation)
        return made

"""Calls under way: what a client's method returns, now or when virtual time has passed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgsim.cloud.errors import Exceptions, Refused
from msgsim.cloud.shapes import Members, check

if TYPE_CHECKING:
    from msgsim.cloud.cloud import Cloud

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Call:
    """One API call: it has an answer, or waits for one while virtual time passes.

    Attributes:
        when_done: called once the answer has come, if somebody asked for it.
    """

    def __init__(self, operation: str, request_id: str) -> None:
        self.operation = operation
        self.request_id = request_id
        self._response: dict[str, Any] | None = None
        self._error: Exception | None = None
        self.when_done: Callable[[], Any] | None = None

    @property
    def done(self) -> bool:
        """Whether the answer has come."""
        return self._response is not None or self._error is not None

    def answer(self, response: Mapping[str, Any]) -> None:
        """Take the response."""
        self._response = {
            **response,
            "ResponseMetadata": {
                "RequestId": self.request_id,
                "HTTPStatusCode": 200,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        }
        self._tell()

    def refuse(self, error: Exception) -> None:
        """Take an error instead."""
        self._error = error
        self._tell()

    def _tell(self) -> None:
        if self.when_done is not None:
            self.when_done()

    def result(self) -> dict[str, Any]:
        """Return the response, as boto3 would.

        Raises:
            ClientError: AWS refused the call.
            RuntimeError: the call still waits; advance the clock first.
        """
        if self._error is not None:
            raise self._error
        if self._response is None:
            raise RuntimeError(f"{self.operation} still waits for its answer: advance the clock")
        return self._response

    def __repr__(self) -> str:
        return f"<{self.operation}: {'done' if self.done else 'waiting'}>"


def waits(handler: Handler) -> Handler:
    """Mark an operation that answers its call itself, perhaps later."""
    handler.waits = True  # type: ignore[attr-defined]
    return handler


class Method:
    """One operation of a client: call it, or let `cloud.start` begin it."""

    def __init__(self, client: Client, name: str, handler: Callable[..., Any]) -> None:
        self.name = name
        self._client = client
        self._handler = handler
        self.__doc__ = handler.__doc__

    def __call__(self, *positional: Any, **parameters: Any) -> dict[str, Any]:
        """Make the call, and let virtual time pass until its answer is there."""
        if positional:
            raise TypeError(f"{self.name}() only accepts keyword arguments.")
        return self._client.cloud.finish(self.begin(parameters))

    def begin(self, parameters: Mapping[str, Any]) -> Call:
        """Begin the call; it may be done at once."""
        client = self._client
        client.cloud.admit()
        check(parameters, client.shapes[self.name])
        operation = "".join(part.title() for part in self.name.split("_"))
        call = Call(operation, client.cloud.ids.uuid())
        try:
            if getattr(self._handler, "waits", False):
                self._handler(parameters, call)
            else:
                call.answer(self._handler(parameters) or {})
        except Refused as refused:
            call.refuse(client.exceptions.make(refused, operation, call.request_id))
        return call

    def __repr__(self) -> str:
        return f"<{self._client.service}.{self.name}>"


class Client:
    """The operations of one service, by boto3's names.

    Attributes:
        service: its name, e.g. `sqs`.
        exceptions: the service's exception classes, as on a boto3 client.
    """

    def __init__(
        self,
        cloud: Cloud,
        service: str,
        shapes: Mapping[str, Members],
        exceptions: Exceptions,
        *parts: object,
    ) -> None:
        self.cloud = cloud
        self.service = service
        self.shapes = shapes
        self.exceptions = exceptions
        self._methods = {
            name: Method(self, name, getattr(part, name))
            for name in shapes
            for part in parts
            if hasattr(part, name)
        }

    def __getattr__(self, name: str) -> Method:
        try:
            return self.__dict__["_methods"][name]
        except KeyError:
            raise AttributeError(f"the {self.service} client has no operation {name!r}") from None

    def __dir__(self) -> list[str]:
        return sorted([*self.__dict__["_methods"], "exceptions"])

    def __repr__(self) -> str:
        return f"<{self.service} client of {self.cloud!r}>"

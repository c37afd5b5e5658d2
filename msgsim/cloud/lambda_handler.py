"""A Python callable as the handler of a function: it runs in virtual time, on its own thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgsim.cloud.lambda_threads import Turns
from msgsim.kernel.simulation import NS_PER_S
from msgsim.model.message import Delivery
from msgsim.services.lambda_function.handler import ERROR, OK, TIMEOUT, Plan
from msgsim.units import duration_ns

if TYPE_CHECKING:
    from msgsim.cloud.account import Account
    from msgsim.cloud.lambda_functions import FunctionEntry

Code = Callable[[Any, Any], Any]
NS_PER_MS = 1_000_000


class Source(Protocol):
    """Where a batch comes from: it knows the shape of the event, and whether a report is read."""

    reads_report: bool

    def event(self, batch: Sequence[Delivery]) -> Any:
        """Return the event that the handler gets."""

    def failed(self, batch: Sequence[Delivery], payload: Any) -> list[Delivery] | None:
        """Return the records that a response reports as failed; None for all of them."""

    def complaint(self, payload: Any) -> str | None:
        """Return why a response cannot be taken, so that the invocation counts as failed."""


class LambdaContext:
    """The second argument of a handler, as in AWS, in virtual time.

    Attributes:
        function_name: the function's name.
        function_version: `$LATEST`.
        invoked_function_arn: its ARN.
        memory_limit_in_mb: `MemorySize` as text.
        aws_request_id: the same for the same seed and the same invocation.
        log_group_name: where AWS would keep its logs.
        log_stream_name: likewise.
    """

    def __init__(
        self, account: Account, entry: FunctionEntry, memory_mb: int, deadline_ns: int
    ) -> None:
        self.function_name = entry.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = entry.arn
        self.memory_limit_in_mb = str(memory_mb)
        self.aws_request_id = account.ids.uuid()
        self.log_group_name = f"/aws/lambda/{entry.name}"
        self.log_stream_name = f"[$LATEST]{self.aws_request_id}"
        self._sim = account.sim
        self._deadline_ns = deadline_ns

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left before the time-out."""
        return max(0, self._deadline_ns - int(self._sim.now)) // NS_PER_MS


class CallableHandler:
    """A handler that conducts each invocation by running the user's code.

    Args:
        account: the account it lives in.
        entry: the function it belongs to.
        code: the callable, `code(event, context)`.
        time_ns: working time before the code, which itself takes only the time it waits.

    Attributes:
        source: where the batch comes from that is being handed over; None for an event whose
            message says all.
        last: the execution that ended last: its response, for whoever invoked it.
    """

    def __init__(self, account: Account, entry: FunctionEntry, code: Code, time_ns: int) -> None:
        self.account = account
        self.entry = entry
        self.code = code
        self.time_ns = time_ns
        self.timeout_ns = entry.settings["Timeout"] * NS_PER_S
        self.source: Source | None = None
        self.last: Execution | None = None

    def conduct(
        self,
        function: Any,
        batch: Sequence[Delivery],
        init_ns: int,
        completed: Callable[..., Any],
        end: Callable[[Plan], Any],
    ) -> None:
        """Run the code once the environment is initialised."""
        Execution(self, batch, completed, end).begin(init_ns, function.slowness)

    def answer(self) -> Any:
        """Return what the execution that ended last gave its invoker."""
        return None if self.last is None else self.last.payload


class Execution:
    """One run of a callable: from the end of the initialisation to its return or time-out.

    Code and settings are those of the moment it is invoked, whatever updates come meanwhile.

    Attributes:
        payload: what the invoker gets: the response, or the description of an error.
        status: `ok`, `error` or `timeout`.
    """

    def __init__(
        self,
        handler: CallableHandler,
        batch: Sequence[Delivery],
        completed: Callable[..., Any],
        end: Callable[[Plan], Any],
    ) -> None:
        self.payload: Any = None
        self.status = OK
        self._handler = handler
        self._sim = handler.account.sim
        self._source = handler.source
        self._batch = list(batch)
        self._completed = completed
        self._end = end
        self._timeout_ns = handler.timeout_ns
        self._code = handler.code
        self._memory_mb = handler.entry.settings["MemorySize"]
        self._began_ns = 0
        self._turns: Turns | None = None
        self._over = False

    def begin(self, init_ns: int, slowness: float) -> None:
        """Arm the start of the code and the time-out."""
        self._began_ns = self._sim.now + init_ns
        self._sim.at(self._began_ns + round(self._handler.time_ns * slowness), self._run)
        self._sim.at(self._began_ns + self._timeout_ns, self._time_out)

    def _run(self) -> None:
        if self._over:
            return
        handler = self._handler
        batch, source = self._batch, self._source
        if source is None:
            event = json.loads(batch[0].message.body or "null")
        else:
            event = source.event(batch)
        for delivery in batch:
            delivery.copy.starts += 1
        deadline_ns = self._began_ns + self._timeout_ns
        context = LambdaContext(handler.account, handler.entry, self._memory_mb, deadline_ns)
        code = self._code
        self._turns = Turns(self._sim, lambda: code(event, context), self._returned)
        self._turns.begin()

    def _returned(self, turns: Turns) -> None:
        if turns.error is not None:
            error = turns.error
            self._fail(str(error), type(error).__name__)
            return
        try:
            self.payload = json.loads(json.dumps(turns.value))
        except (TypeError, ValueError) as error:
            self._fail(f"Unable to marshal response: {error}", "Runtime.MarshalError")
            return
        complaint = None if self._source is None else self._source.complaint(self.payload)
        if complaint is None:
            self._finish(self._reported())
        else:
            self._fail(complaint, "InvalidResponse")

    def _fail(self, message: str, kind: str) -> None:
        """End without a usable response: the caller gets a description of the error."""
        self.payload = {"errorMessage": message, "errorType": kind}
        self._finish(Plan(ERROR, self._spent_ns(), (), self._batch[:1]))

    def _reported(self) -> Plan:
        """Return how a run ended that returned: with a report, where one is read."""
        source = self._source
        failed: list[Delivery] | None = []
        if source is not None and source.reads_report:
            failed = source.failed(self._batch, self.payload)
        plan = Plan(OK, self._spent_ns(), (), failed or ())
        plan.malformed = failed is None
        kept = set(map(id, self._batch if failed is None else failed))
        for delivery in self._batch:
            if id(delivery) not in kept:
                self._completed(self._sim.now, delivery)
        return plan

    def _spent_ns(self) -> int:
        return int(self._sim.now - self._began_ns)

    def _time_out(self) -> None:
        if self._over:
            return
        seconds = self._timeout_ns / NS_PER_S
        text = f"Task timed out after {seconds:.2f} seconds"
        self.payload = {"errorMessage": text, "errorType": "Sandbox.Timedout"}
        if self._turns is not None:
            self._turns.abandon()
        self._finish(Plan(TIMEOUT, self._timeout_ns, (), self._batch))

    def _finish(self, plan: Plan) -> None:
        self._over = True
        self.status = plan.status
        self._handler.last = self
        self._end(plan)


def working_time_ns(time: Any) -> int:
    """Read `Code={"time": …}`: seconds, or text with a unit.

    Raises:
        ValueError: it is not a time.
    """
    if isinstance(time, str):
        return duration_ns(time, bare_unit="s")
    found = round(time * NS_PER_S)
    if found < 0:
        raise ValueError(f"time does not run backwards: {time}")
    return found

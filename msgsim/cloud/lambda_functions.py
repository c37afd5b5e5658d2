"""Lambda operations on functions: create, change, delete, and their concurrency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import iso_time, short_name
from msgsim.cloud.lambda_handler import CallableHandler, working_time_ns
from msgsim.cloud.lambda_refusals import refusal
from msgsim.cloud.lambda_shapes import CONFLICT, INVALID, NO_PROVISIONED
from msgsim.cloud.paging import page
from msgsim.kernel.signals import Listener, Signal
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services.lambda_function.provisioned import Provisioned
from msgsim.services.lambda_function.spec import PAGE
from msgsim.units import duration_ns

Parameters = Mapping[str, Any]

KIND = "lambda.function"
MOST_LISTED = 50
KEPT = ("Role", "Handler", "Description", "Environment")
BOUND = ("Timeout", "MemorySize")


@dataclass(eq=False)
class FunctionEntry:
    """A function: its settings as boto3 shows them, its component, and the code it runs.

    Attributes:
        reserved: `ReservedConcurrentExecutions`, or None.
        throttle: the reason of the throttle announced last.
    """

    name: str
    arn: str
    function: Any
    spec: Any
    settings: dict[str, Any]
    modified_ns: int
    handler: CallableHandler = field(init=False)
    exists: bool = True
    reserved: int | None = None
    events: dict[str, Any] | None = None
    throttle: str = ""
    fifo = False

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Keep the reason of a throttle, for the caller's error."""
        return self._note_throttle if signal.name == "invoke_throttled" else None

    def _note_throttle(self, now: int, reason: str) -> None:
        self.throttle = reason


class FunctionOperations:
    """What can be done to functions as such."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # Create, change, delete -----------------------------------------------------------------

    def create_function(self, p: Parameters) -> dict[str, Any]:
        """Create a function whose handler is `Code={"callable": fn, "time": "200ms"}`."""
        account, name = self._account, short_name(p["FunctionName"])
        if name in account.functions:
            raise Refused(CONFLICT, f"Function already exist: {name}")
        settings = {"Timeout": 3, "MemorySize": 128, **self._settings(p)}
        code, time_ns = _code(p["Code"])
        dead_letters = self._way_to_dead_letters(settings)
        component, spec = self._build(name, settings)
        arn = account.place.function_arn(name)
        entry = FunctionEntry(name, arn, component, spec, settings, account.sim.now)
        entry.handler = CallableHandler(account, entry, code, time_ns)
        entry.function.set_handler(entry.handler)
        entry.function.events.answer = entry.handler.answer
        account.functions[name] = entry
        entry.function.events.dead_letters = dead_letters
        account.observe(component, entry)
        return self._shown(entry)

    def _build(self, name: str, settings: Mapping[str, Any]) -> tuple[Any, Any]:
        given = {key: settings[key] for key in ("Runtime", *BOUND) if key in settings}
        known = PAGE.assumptions()["initialisation"].value
        if given.get("Runtime") not in (None, *known):
            raise Refused(INVALID, f"Value {given['Runtime']} at 'runtime' failed to satisfy enum")
        try:
            return self._account.build(KIND, name, {**given, "handler": {"time": "0s"}})
        except ValueError as error:
            raise refusal(error) from None

    def _settings(self, p: Parameters) -> dict[str, Any]:
        known = ("Runtime", *BOUND, "DeadLetterConfig", *KEPT)
        settings = {key: p[key] for key in known if key in p}
        target = settings.get("DeadLetterConfig", {}).get("TargetArn")
        if target:
            settings["DeadLetterConfig"] = {"TargetArn": self._account.arn_of(target)}
        return settings

    def _way_to_dead_letters(self, settings: Mapping[str, Any]) -> Any:
        arn = settings.get("DeadLetterConfig", {}).get("TargetArn", "")
        return self._account.way_to(arn) if arn else None

    def update_function_code(self, p: Parameters) -> dict[str, Any]:
        """Use another callable, another working time, or both, from the next invocation on."""
        entry = self.find(p["FunctionName"])
        handler = entry.handler
        code, time_ns = _code({"callable": handler.code, "time": handler.time_ns / NS_PER_S, **p})
        entry.handler.code, entry.handler.time_ns = code, time_ns
        entry.function.renew()
        entry.modified_ns = self._account.sim.now
        return self._shown(entry)

    def update_function_configuration(self, p: Parameters) -> dict[str, Any]:
        """Change settings; the next invocation has them, in an environment that is new."""
        entry = self.find(p["FunctionName"])
        settings = {**entry.settings, **self._settings(p)}
        dead_letters = self._way_to_dead_letters(settings)
        updated, entry.spec = self._build(f"{entry.name}.update", settings)
        entry.settings = settings
        entry.handler.timeout_ns = settings["Timeout"] * NS_PER_S
        entry.function.renew(updated.cold_start)
        entry.function.events.dead_letters = dead_letters
        entry.modified_ns = self._account.sim.now
        return self._shown(entry)

    def delete_function(self, p: Parameters) -> None:
        """Delete a function, at once; what it runs goes on to its end."""
        entry = self.find(p["FunctionName"])
        self._set_reserved(entry, None)
        entry.function.set_provisioned(None)
        entry.exists = False
        del self._account.functions[entry.name]

    def get_function(self, p: Parameters) -> dict[str, Any]:
        """Return a function's settings and reserved concurrency."""
        entry = self.find(p["FunctionName"])
        found: dict[str, Any] = {"Configuration": self._shown(entry), "Code": {}}
        if entry.reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": entry.reserved}
        return found

    def get_function_configuration(self, p: Parameters) -> dict[str, Any]:
        """Return a function's settings."""
        return self._shown(self.find(p["FunctionName"]))

    def list_functions(self, p: Parameters) -> dict[str, Any]:
        """Return every function, by name."""
        found = [self._shown(entry) for _, entry in sorted(self._account.functions.items())]
        return paged("Functions", found, p)

    def find(self, name: str) -> FunctionEntry:
        """Return the function of a name or ARN.

        Raises:
            Refused: there is none.
        """
        return self._account.function(name)

    def _shown(self, entry: FunctionEntry) -> dict[str, Any]:
        return {
            "FunctionName": entry.name,
            "FunctionArn": entry.arn,
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "LastModified": iso_time(entry.modified_ns),
            "PackageType": "Zip",
            **entry.settings,
        }

    # Concurrency ----------------------------------------------------------------------------

    def put_function_concurrency(self, p: Parameters) -> dict[str, Any]:
        """Reserve concurrency; 100 of the account's have to stay unreserved."""
        entry, wanted = self.find(p["FunctionName"]), p["ReservedConcurrentExecutions"]
        if wanted < 0:
            raise Refused(INVALID, "ReservedConcurrentExecutions must not be negative")
        _leave_unreserved("ReservedConcurrentExecutions", entry, wanted)
        if entry.function.provisioned and entry.function.provisioned.count > wanted:
            raise Refused(INVALID, "reserved concurrency is below provisioned concurrency")
        self._set_reserved(entry, wanted)
        return {"ReservedConcurrentExecutions": wanted}

    def _set_reserved(self, entry: FunctionEntry, reserved: int | None) -> None:
        function = entry.function
        provisioned = function.provisioned
        function.set_provisioned(None)
        if entry.reserved is not None:
            function.share.account.set_aside(-entry.reserved)
        function.share = function.share.account.share(reserved)
        entry.reserved = reserved
        function.set_provisioned(provisioned)

    def get_function_concurrency(self, p: Parameters) -> dict[str, Any]:
        """Return the reserved concurrency, if there is some."""
        reserved = self.find(p["FunctionName"]).reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def delete_function_concurrency(self, p: Parameters) -> None:
        """Reserve nothing any more."""
        self._set_reserved(self.find(p["FunctionName"]), None)

    def put_provisioned_concurrency_config(self, p: Parameters) -> dict[str, Any]:
        """Ask for provisioned environments: ready after a minute or two, all at once."""
        entry, count = self.find(p["FunctionName"]), p["ProvisionedConcurrentExecutions"]
        if count < 1 or (entry.reserved is not None and count > entry.reserved):
            raise Refused(
                INVALID, "ProvisionedConcurrentExecutions must be 1 up to what is reserved"
            )
        if entry.reserved is None:
            _leave_unreserved("ConcurrentExecutions", entry, count)
        delay_ns = duration_ns(str(self._account.assumption(KIND, "allocation_delay")))
        entry.function.set_provisioned(
            Provisioned(
                count, self._account.sim.now, delay_ns, PAGE.quota("provisioned_per_minute")
            )
        )
        return self._provisioned(entry)

    def get_provisioned_concurrency_config(self, p: Parameters) -> dict[str, Any]:
        """Return how far the allocation is."""
        return self._provisioned(self.find(p["FunctionName"]))

    def delete_provisioned_concurrency_config(self, p: Parameters) -> None:
        """Have no provisioned environments any more."""
        self.find(p["FunctionName"]).function.set_provisioned(None)

    def _provisioned(self, entry: FunctionEntry) -> dict[str, Any]:
        found = entry.function.provisioned
        if found is None:
            raise Refused(NO_PROVISIONED, "No Provisioned Concurrency Config found")
        ready = found.set_aside(self._account.sim.now)
        return {
            "RequestedProvisionedConcurrentExecutions": found.count,
            "AvailableProvisionedConcurrentExecutions": ready,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "Status": "READY" if ready else "IN_PROGRESS",
        }


def _leave_unreserved(what: str, entry: FunctionEntry, wanted: int) -> None:
    """Refuse what leaves less than 100 of the account's executions to all functions together."""
    account, least = entry.function.share.account, PAGE.quota("unreserved_minimum")
    if account.unreserved + entry.function.own_concurrency - wanted < least:
        raise Refused(
            INVALID,
            f"Specified {what} for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{least}].",
        )


def paged(name: str, found: list[Any], p: Parameters) -> dict[str, Any]:
    """Return one page of a list, in Lambda's names of the tokens."""
    given = {"MaxResults": p.get("MaxItems"), "NextToken": p.get("Marker")}
    asked = {key: value for key, value in given.items() if value is not None}
    answer = page(name, found, asked, MOST_LISTED)
    if "NextToken" in answer:
        answer["NextMarker"] = answer.pop("NextToken")
    return answer


def _code(code: Parameters) -> tuple[Any, int]:
    found = code["callable"]
    if not callable(found):
        raise Refused(INVALID, "Code.callable has to be a function of (event, context)")
    try:
        return found, working_time_ns(code.get("time", 0))
    except ValueError as error:
        raise Refused(INVALID, f"Code.time: {error}") from None

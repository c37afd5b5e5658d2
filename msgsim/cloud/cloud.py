"""Cloud: a small AWS account in virtual time, whose clock its user moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from numbers import Real
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.calls import Call, Client, Method
from msgsim.cloud.history import Biography
from msgsim.cloud.kinesis_client import kinesis_client
from msgsim.cloud.lambda_client import lambda_client
from msgsim.cloud.lambda_threads import my_turns
from msgsim.cloud.sns_client import sns_client
from msgsim.cloud.sqs_client import sqs_client
from msgsim.kernel.simulation import NS_PER_S, Simulation
from msgsim.kernel.substreams import checked_seed
from msgsim.problems import quote
from msgsim.services import discover
from msgsim.units import MAX_DURATION_NS, duration_ns, format_duration

Assumptions = Mapping[str, Mapping[str, Any]]

CLIENTS = {"kinesis": kinesis_client, "lambda": lambda_client, "sns": sns_client, "sqs": sqs_client}

HOP = "hop_"
AT_ONCE = {
    "sns.subscription": {"filter_propagation": "0s"},
    "lambda.function": {"async_hand_off": "0s", "placement": "0s", "initialisation": "0s"},
    "lambda.event_source_mapping": {
        "standard_overhead": "0s",
        "fifo_overhead": "0s",
        "stream_overhead": "0s",
        "push_overhead": "0s",
        "stream_start": "0s",
        "item_overhead": "0s",
        "quiet_window": "0s",
    },
}
ORDERED = {"sqs.queue": {"hosts": 1, "short_poll_hosts": 1}}
WITHOUT_DUPLICATES = {
    "sqs.queue": {"missed_delete_share": 0},
    "sns.subscription": {"duplicate_probability": 0},
    "lambda.function": {"async_missed_delete_share": 0},
}


class Cloud:
    """SQS, SNS, Kinesis and Lambda by hand: boto3's calls on msgsim's components, in virtual time.

    Nothing happens by itself between two calls: `advance` moves the clock, and a call that waits
    (a long poll) moves it as far as it has to. Latency, disorder and replica duplicates are off;
    quotas of API calls are on.

    Args:
        seed: fixes every identifier and every random draw.
        assumptions: kind of resource → name → value: labelled assumptions of the pages to override.
        latency: whether deliveries of SNS, and changes of its filter policies, take the time that
            its pages assume.
        disorder: whether standard queues spread messages over hosts and sample them.
        duplicates: whether replicas of standard queues miss deletes, and SNS loses answers.
        region: Region of the account.
        in_flight_messages: the quota of messages in flight of each queue, instead of 120,000.

    Raises:
        ValueError: an assumption that no page has, or no whole number as seed.
    """

    def __init__(
        self,
        seed: int = 1,
        assumptions: Assumptions | None = None,
        *,
        latency: bool = False,
        disorder: bool = False,
        duplicates: bool = False,
        region: str = "us-east-1",
        in_flight_messages: int | None = None,
    ) -> None:
        self._sim = Simulation(checked_seed(seed))
        self._values = _values(assumptions or {}, latency, disorder, duplicates)
        self._account = Account(self._sim, region, self._assumption, in_flight_messages)
        self.ids = self._account.ids
        self._clients: dict[str, Client] = {}

    def _assumption(self, kind: str, name: str) -> Any:
        return self._values[kind, name]

    # Clients -------------------------------------------------------------------------------

    def client(self, service: str) -> Client:
        """Return the client of a service: `kinesis`, `lambda`, `sns` or `sqs`.

        Raises:
            ValueError: there is no such service here.
        """
        made = self._clients.get(service)
        if made is None:
            make = CLIENTS.get(service)
            if make is None:
                known = ", ".join(sorted(CLIENTS))
                raise ValueError(f"unknown service {service!r}; there are: {known}")
            made = self._clients[service] = make(self, self._account)
        return made

    def start(self, method: Method, **parameters: Any) -> Call:
        """Begin a call and go on at once; `done` and `result()` of the answer tell how it went.

        Args:
            method: an operation of a client, e.g. `sqs.receive_message`.
            parameters: its parameters.

        Raises:
            TypeError: the method is not an operation of a client.
        """
        if not isinstance(method, Method):
            raise TypeError(f"start() takes an operation of a client, not {method!r}")
        call = method.begin(parameters)
        turns = my_turns()
        if turns is not None:
            turns.sleep(0)
        else:
            self._sim.run(self._sim.now)
        return call

    def admit(self) -> None:
        """Keep out the calls of a handler whose invocation has timed out."""
        turns = my_turns()
        if turns is not None:
            turns.check()

    def finish(self, call: Call) -> dict[str, Any]:
        """Let virtual time pass until the call has its answer, and return it."""
        turns = my_turns()
        if turns is not None:
            return turns.answer_of(call)
        sim = self._sim
        sim.run(sim.now)
        while not call.done:
            sim.run(round(sim.env.peek()))
        return call.result()

    def wait(self, ready: Callable[[], bool]) -> None:
        """Let virtual time pass, event by event, until something is so."""
        sim = self._sim
        sim.run(sim.now)
        while not ready():
            sim.run(round(sim.env.peek()))

    # Time ----------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return self._sim.now / NS_PER_S

    def advance(self, time: float | str) -> None:
        """Let virtual time pass.

        Args:
            time: seconds, or text with a unit such as `1m30s`.

        Raises:
            ValueError: not a time, or a negative one.
        """
        time_ns = _nanoseconds(time)
        if self._sim.now + time_ns > MAX_DURATION_NS:
            raise ValueError(f"{quote(str(time))} leads beyond 100 years, the longest time")
        self._run_until(self._sim.now + time_ns)

    def sleep(self, time: float | str) -> None:
        """Let virtual time pass: in a handler, what takes the place of `time.sleep`.

        Args:
            time: seconds, or text with a unit such as `200ms`.

        Raises:
            ValueError: not a time, or a negative one.
        """
        self.advance(time)

    def _run_until(self, until_ns: int) -> None:
        turns = my_turns()
        if turns is not None:
            turns.sleep(until_ns - self._sim.now)
        else:
            self._sim.run(until_ns)

    def advance_to(self, time: float | str) -> None:
        """Let virtual time pass until this long after the start.

        Raises:
            ValueError: not a time, or one that is past already.
        """
        until = _nanoseconds(time)
        if until < self._sim.now:
            raise ValueError(
                f"cannot advance to {format_duration(until)}: it is already "
                f"{format_duration(self._sim.now)}"
            )
        self._run_until(until)

    def outage(self, name: str, time: float | str) -> None:
        """Let a queue, topic, stream or function answer with a server error for a while.

        Args:
            name: a queue's URL, or the ARN or name of a queue, topic, stream or function.
            time: how long: seconds, or text with a unit.

        Raises:
            ValueError: there is nothing of that name, or it is not a time.
        """
        component = self._account.component(name)
        component.fail()
        self._sim.after(_nanoseconds(time), component.recover)

    # Looking back --------------------------------------------------------------------------

    def history(self, message_id: str | None = None) -> list[Biography]:
        """Return what happened to each message, in the order in which they were sent.

        Args:
            message_id: only the message that has this `MessageId` where it was first sent.
        """
        lives = self._account.historian.lives()
        return [life for life in lives if message_id in (None, life.message_id)]

    def __repr__(self) -> str:
        return f"<Cloud at {format_duration(self._sim.now)}, seed {self._sim.seed}>"


def _nanoseconds(time: float | str) -> int:
    if isinstance(time, str):
        return duration_ns(time, bare_unit="s")
    if isinstance(time, bool) or not isinstance(time, Real) or not isfinite(time):
        shown = quote(str(time))
        raise ValueError(f"{shown} is not a time; write seconds, or text such as 1m30s")
    if time < 0:
        raise ValueError(f"time does not run backwards: {time}")
    if time > MAX_DURATION_NS // NS_PER_S:
        raise ValueError(f"{quote(str(time))} seconds are more than 100 years, the longest time")
    found = round(time * NS_PER_S)
    return int(found)  # not numpy's


def _values(
    assumptions: Assumptions, latency: bool, disorder: bool, duplicates: bool
) -> dict[tuple[str, str], Any]:
    """Return every page's assumptions, with what is off by default, and then what is overridden."""
    found = {
        (kind, name): number.value
        for kind, service in discover().items()
        for name, number in service.page.assumptions().items()
    }
    if not latency:
        found.update({key: "0s" for key in found if key[1].startswith(HOP)})
        _override(found, AT_ONCE)
    if not disorder:
        _override(found, ORDERED)
    if not duplicates:
        _override(found, WITHOUT_DUPLICATES)
    _override(found, assumptions)
    return found


def _override(values: dict[tuple[str, str], Any], changes: Assumptions) -> None:
    for kind, entries in changes.items():
        for name, value in entries.items():
            if (kind, name) not in values:
                known = ", ".join(sorted(n for k, n in values if k == kind)) or "none"
                raise ValueError(f"{kind} has no assumption {name!r}; there are: {known}")
            values[kind, name] = value

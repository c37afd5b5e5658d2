"""The publisher as a component: births on one event each, calls, answers, and tries again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Message
from msgsim.model.ports import Target
from msgsim.services.publisher.arrivals import Arrival
from msgsim.services.publisher.minting import Mint
from msgsim.services.publisher.retry import RETRYABLE, TIMED_OUT, RetryPolicy


@dataclass(slots=True)
class Client:
    """How the client library behaves.

    Attributes:
        batch: messages per API call.
        batch_wait_ns: how long an unfilled batch waits for more.
        call_time: the round trip of one call (ns), drawn by message and try; None for no time.
        timeout_ns: when a call without an answer is given up.
        lost: uniform draws deciding whether an answer is lost; None when none ever is.
        lost_share: the share of answers lost.
        retry: what happens after a failed call.
        jitter: uniform draws for the back-off.
        resends: uniform draws deciding which messages the application sends again; None for none.
        resend_share: the share of them.
        resend_after_ns: how much later it does so.
    """

    batch: int
    batch_wait_ns: int
    call_time: Sampler[int] | None
    timeout_ns: int
    lost: Sampler[float] | None
    lost_share: float
    retry: RetryPolicy
    jitter: Sampler[float]
    resends: Sampler[float] | None
    resend_share: float
    resend_after_ns: int


class _Call:
    """One API call and its retries.

    Attributes:
        messages: what it carries.
        attempt: 1 for the first try.
        kept: numbers of messages that a try without an answer has already placed at the target.
        resend: whether the application sends what has been acknowledged before.
    """

    __slots__ = ("attempt", "kept", "messages", "resend")

    def __init__(self, messages: list[Message], resend: bool = False) -> None:
        self.messages = messages
        self.attempt = 1
        self.kept: set[int] = set()
        self.resend = resend


class Publisher(Component):
    """A workload: the arrival process (the source of the queueing network) and its AWS client.

    Births do not wait for answers (an open workload): calls overlap as those of many producers do.

    Args:
        arrivals: when messages are born.
        mint: makes them.
        client: how they are sent.
        notes: what a reader of the results should know, e.g. that a trace was sorted.
    """

    kind = "workload"
    signals = (facts.PUBLISHED, facts.CALLED, facts.RETRIED, facts.REFUSED)

    def __init__(
        self,
        sim: Simulation,
        name: str,
        arrivals: Iterator[Arrival],
        mint: Mint,
        client: Client,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sim, name)
        self.mint = mint
        self.client = client
        self.notes = notes
        self.target: Target | None = None
        self._arrivals = arrivals
        self._next = 0
        self._open: list[Message] = []
        self._batch_alarm = sim.timer(self._send_open)
        self._calls: dict[_Call, None] = {}
        at_once = client.call_time is None and client.lost is None
        self._direct = client.batch == 1 and at_once
        mint.sent_once = at_once and client.resends is None  # only what was refused is sent again

    def start(self) -> None:
        """Wait for the first arrival."""
        self._wait()

    # Births --------------------------------------------------------------------------------

    def _wait(self) -> None:
        arrival = next(self._arrivals, None)
        if arrival is not None:
            time_ns, size = arrival
            sim = self.sim
            once = sim.once
            once(time_ns - sim.env._now, self._arrive, size)

    def _arrive(self, size: int) -> None:
        if self.down:
            self._next += size
        else:
            for _ in range(size):
                self._publish()
        self._wait()

    def _publish(self) -> None:
        now = self.sim.env._now
        message = self.mint.make(self._next, now)
        self._next += 1
        published = self.on_published
        if published is not None:
            published(now, message)
        if self._direct:
            self._send_direct(now, message)
        elif self.client.batch == 1:
            self._begin(_Call([message]))
        else:
            self._collect(now, message)

    def _send_direct(self, now: int, message: Message) -> None:
        """Send with neither call time nor lost answers: most messages need nothing more."""
        assert self.target is not None
        code = self.target.accept(message)
        called = self.on_called
        if called is not None:
            called(now, 1, code)
        if code is None:
            if self.client.resends is not None:
                self._consider_resend(message)
        else:
            self._settle(_Call([message]), [code])

    def _collect(self, now: int, message: Message) -> None:
        batch = self._open
        batch.append(message)
        if len(batch) >= self.client.batch:
            self._send_open()
        elif len(batch) == 1:
            self._batch_alarm.arm(now + self.client.batch_wait_ns)

    def _send_open(self) -> None:
        self._batch_alarm.cancel()
        batch, self._open = self._open, []
        self._begin(_Call(batch))

    # Calls ---------------------------------------------------------------------------------

    def _begin(self, call: _Call) -> None:
        """Start one try: the service acts after half of the round trip."""
        self._calls[call] = None
        if self.client.call_time is None:
            self._act(call, 0)
            return
        first = call.messages[0]
        drawn = self.client.call_time.at(self._index(first), first.tries)
        time_ns = max(0, round(drawn * self.slowness))
        self.sim.after(time_ns // 2, self._act, call, time_ns)

    def _act(self, call: _Call, time_ns: int) -> None:
        """Let the target take the messages, and the answer travel back."""
        assert self.target is not None
        messages = call.messages
        if self.client.batch == 1:
            codes = [self.target.accept(messages[0])]
        else:
            codes = self.target.accept_batch(messages)
        rest_ns = time_ns - time_ns // 2
        if time_ns > self.client.timeout_ns or self._loses(messages[0]):
            self._placed(call, codes)
            rest_ns = max(0, self.client.timeout_ns - time_ns // 2)
            self.sim.after(rest_ns, self._answered, call, [TIMED_OUT] * len(codes))
        elif rest_ns and any(codes):
            self._placed(call, codes)
            self.sim.after(rest_ns, self._answered, call, codes)
        else:
            self._answered(call, codes)

    def _loses(self, first: Message) -> bool:
        lost = self.client.lost
        if lost is None:
            return False
        return lost.at(self._index(first), first.tries) < self.client.lost_share

    def _placed(self, call: _Call, codes: list[str | None]) -> None:
        """Note which messages the target has while the client does not know it yet."""
        for message, code in zip(call.messages, codes, strict=True):
            if code is None:
                call.kept.add(message.number)

    def _answered(self, call: _Call, codes: list[str | None]) -> None:
        if self.on_called is not None:
            error = next((code for code in codes if code is not None), None)
            self.on_called(self.sim.now, len(codes), error)
        self._settle(call, codes)

    def _settle(self, call: _Call, codes: list[str | None]) -> None:
        """Decide for each message: done, refused for good, or to be tried again."""
        last = call.attempt >= self.client.retry.attempts
        again: list[Message] = []
        for message, code in zip(call.messages, codes, strict=True):
            if code is None:
                if self.client.resends is not None and not call.resend:
                    self._consider_resend(message)
            elif code in RETRYABLE and not last:
                again.append(message)
            else:
                self._refuse(call, message, code)
        if again:
            self._back_off(call, again)
        else:
            self._calls.pop(call, None)

    def _back_off(self, call: _Call, messages: list[Message]) -> None:
        first = messages[0]
        wait_ns = self.client.retry.wait_ns(
            call.attempt, lambda: self.client.jitter.at(self._index(first), first.tries)
        )
        call.messages = messages
        call.attempt += 1
        self._calls[call] = None
        self.sim.after(wait_ns, self._retry, call)

    def _retry(self, call: _Call) -> None:
        self._tell_retried(call.messages)
        self._begin(call)

    def _tell_retried(self, messages: list[Message]) -> None:
        now = self.sim.now
        for message in messages:
            message.tries += 1
            if self.on_retried is not None:
                self.on_retried(now, message)

    def _refuse(self, call: _Call, message: Message, code: str) -> None:
        """Give a message up, unless an unanswered try has placed it at the target all the same."""
        if self.on_refused is not None and message.number not in call.kept and not call.resend:
            self.on_refused(self.sim.now, message, code)

    # The application's own resends ---------------------------------------------------------

    def _consider_resend(self, message: Message) -> None:
        assert self.client.resends is not None
        if self.client.resends.at(self._index(message)) < self.client.resend_share:
            self.sim.after(self.client.resend_after_ns, self._resend, message)

    def _resend(self, message: Message) -> None:
        call = _Call([message], resend=True)
        call.kept.add(message.number)
        self._tell_retried([message])
        self._begin(call)

    def _index(self, message: Message) -> int:
        return message.number - self.mint.first_number

    def holds(self) -> Iterable[tuple[str, Any]]:
        """Yield messages that wait for a batch, an answer or a retry and are nowhere else."""
        for message in self._open:
            yield "in_transit", message
        for call in self._calls:
            for message in call.messages:
                if message.number not in call.kept:
                    yield "in_transit", message

"""Where a delivery stream delivers to: a bucket, a cluster, an endpoint, with its own failures."""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.kernel.component import Component
from msgsim.kernel.sampling import Sampler
from msgsim.kernel.simulation import Simulation

REFUSED = "ServiceUnavailable"
FAILED = "503"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a destination reacts to a request.

    Attributes:
        time_ns: how long it works on it; None when it never does anything.
        code: an error, or None when it keeps the data.
        acknowledged: whether the sender hears of it.
    """

    time_ns: int | None
    code: str | None = None
    acknowledged: bool = True


@dataclass(slots=True)
class Behaviour:
    """How a destination answers; all of it is the scenario's to set.

    Attributes:
        time: what a request takes whatever its size (ns).
        time_per_mib: what each MiB of it adds (ns); None for nothing.
        fails: share of the requests answered with an error.
        hangs: share of the requests that lead to nothing, not even an answer.
        answers_lost: share of the requests that are kept although no answer comes.
        rejects: share of the records that it never takes, whatever the request.
        chance: uniform draws by request; None when nothing of this happens.
        by_record: uniform draws by record; None without rejects.
    """

    time: Sampler[int]
    time_per_mib: Sampler[int] | None = None
    fails: float = 0.0
    hangs: float = 0.0
    answers_lost: float = 0.0
    rejects: float = 0.0
    chance: Sampler[float] | None = None
    by_record: Sampler[float] | None = None


class Destination(Component):
    """A receiver of batches (a station with infinitely many servers).

    A lost answer is the cause of duplicates: the data is there, the sender does not know it.
    """

    kind = "firehose.destination"

    def __init__(self, sim: Simulation, name: str, behaviour: Behaviour) -> None:
        super().__init__(sim, name)
        self._behaviour = behaviour

    def request(self, number: int, attempt: int, size_bytes: int) -> Answer:
        """Take a request; draws go by the number of its first message and the attempt."""
        if self.down:
            return Answer(0, REFUSED)
        found = self._behaviour
        time_ns = found.time.at(number, attempt)
        if found.time_per_mib is not None:
            time_ns += found.time_per_mib.at(number, attempt) * size_bytes // (1 << 20)
        time_ns = max(0, round(time_ns * self.slowness))
        if found.chance is None:
            return Answer(time_ns)
        drawn = found.chance.at(number, attempt) - found.fails
        if drawn < 0:
            return Answer(time_ns, FAILED)
        if drawn < found.hangs:
            return Answer(None, acknowledged=False)
        return Answer(time_ns, acknowledged=drawn >= found.hangs + found.answers_lost)

    def rejects(self, number: int) -> bool:
        """Say whether it will never take this message."""
        draws = self._behaviour.by_record
        return draws is not None and draws.at(number) < self._behaviour.rejects

"""Ledger: where the messages went, per subscriber; it must sum, and says so.

In = out, per row:

    published + extra copies + moved in
      = done + waiting + in flight + delayed + in transit + dead-lettered + error output
        + expired + purged + moved + deduplicated + filtered + refused + discarded (+ lost)

- *published*: messages of the workloads on the subscriber's routes, each counted once.
- *extra copies*: effects of a send beyond the message's first (see `entries`), and deliveries that
  a subscription repeats (an answer was lost, an archive is replayed).
- *moved in*: copies that redrive, a subscription or a function's failure put here as dead letters,
  that a message move task brought (or anything else that no route explains).
- *done*: copies processed with success at least once. It takes precedence: a copy whose delete
  failed and which waits again, or is dead-lettered afterwards, is done.
- *waiting*, *in flight*, *delayed*: copies held by the subscriber at the end, by its own account.
  A consumer of a stream holds what it has not read yet, as well.
- *in transit*: held by a client, a topic or a subscription at the end.
- *dead-lettered*, *expired*: copies that left that way; from a subscription too. Records that a
  stream trimmed before a consumer had read them are expired for that consumer.
- *error output*: records that a delivery stream could not transform or deliver, and put into S3's
  error output or backup instead.
- *purged*: removed by a purge. *moved*: taken out by a message move task, which sends a new
  message; where that arrives it has moved in. A message that was dead-lettered here and moved back
  has two entries: it ended once, and came once more.
- *deduplicated*: sends acknowledged and not kept, by the entry or the subscriber.
- *filtered*: kept out by a filter policy. *refused*: given up by the publisher; it counts on each
  of the workload's rows.
- *discarded*: given up for good by a subscription or a consumer, kept nowhere.
- *lost*: what is left over; anything but 0 is an error of the model, never a result.

Terminal states are counted from announced facts, what remains from `Component.holds()`: two
independent accounts, so that the sum is a check. Ghosts are not new copies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.model.message import Copy, Message, redrive_of
from msgsim.model.routes import Route
from msgsim.observe.completions import Completions
from msgsim.observe.entries import Entries
from msgsim.observe.measure import Measure, counter, number
from msgsim.observe.system import System, announces, holding

HELD = ("waiting", "in_flight", "delayed", "in_transit")
ENDED = (
    "dead_lettered",
    "error_output",
    "expired",
    "purged",
    "moved",
    "deduplicated",
    "filtered",
    "refused",
    "discarded",
)
_REMEMBERED = 65_536


@dataclass(eq=False)
class Row:
    """One subscriber's account.

    Attributes:
        subscriber: its name.
        routes: the routes that lead to it.
        lines: counts of what ended here and what is held, by the names of `HELD` and `ENDED`.
        reasons: why messages were discarded.
        moved_in: copies that came by no route.
        sent_again: deliveries that a subscription repeated.
        dead_unprocessed: dead-lettered copies that no consumer ever began to process.
        dead_processed: dead-lettered copies that had been done before.
    """

    subscriber: str
    routes: list[Route] = field(default_factory=list)
    lines: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    moved_in: int = 0
    sent_again: int = 0
    dead_unprocessed: int = 0
    dead_processed: int = 0
    _ended: dict[Copy, str] = field(default_factory=dict)

    @property
    def workloads(self) -> tuple[str, ...]:
        """Every workload that sends to this subscriber, once."""
        return tuple({name: None for route in self.routes for name in route.workloads})

    def end(self, line: str, copy: Copy) -> None:
        """Count a copy that ended, unless it is done."""
        if copy.ghost or copy.completions:
            return
        ended = self._ended
        if copy in ended:
            return
        ended[copy] = line
        if len(ended) > _REMEMBERED:
            del ended[next(iter(ended))]
        self.lines[line] += 1

    def reclaim(self, copy: Copy, filtered: bool) -> None:
        """Count a copy as done after all: a slow consumer completed what had been given up.

        Args:
            copy: what is done.
            filtered: whether another consumer's filter had kept it out.
        """
        line = self._ended.pop(copy, "filtered" if filtered else None)
        if line is not None:
            self.lines[line] -= 1


class Ledger:
    """Observer: one row per subscriber and per queue that takes dead letters."""

    def __init__(self, system: System, completions: Completions, entries: Entries) -> None:
        self._system = system
        self._completions = completions
        self._entries = entries
        self.rows: dict[str, Row] = {}
        self._via: dict[str, list[Row]] = {}
        self.finished = False
        for route in system.routes:
            if route.subscriber in system.components:
                row = self.rows.setdefault(route.subscriber, Row(route.subscriber))
                row.routes.append(route)
                if route.via is not None:
                    self._via.setdefault(route.via, []).append(row)
        letters = {route.dead_letter for route in system.routes}
        letters.update(name for route in system.routes for name in route.records)
        for component in system.components.values():
            if announces(component, "sent"):
                self.rows.setdefault(component.name, Row(component.name))
        self._takes_others = {
            name for name, row in self.rows.items() if not row.workloads or name in letters
        }
        for name, row in self.rows.items():
            stream = completions.streams.get(name)
            if stream is not None:
                stream.late_readers.append(row.reclaim)

    # Listening -----------------------------------------------------------------------------

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to every fact that ends a message, none of them frequent."""
        if component.name in self._via:
            return self._of_subscription(component, self._via[component.name], signal.name)
        if signal.name == "trimmed":
            return self._trimmed
        row = self.rows.get(component.judged)
        if row is None:
            return None
        if signal.name == "taken" and announces(component, "event_started"):
            return _of_events(row)
        if signal.name in {"sent", "deduplicated"}:
            return self._of_arrivals(row, component.name, signal.name)
        return _of_subscriber(row).get(signal.name)

    def _of_arrivals(self, row: Row, name: str, signal: str) -> Listener | None:
        direct = {w for route in row.routes if route.entry == name for w in route.workloads}
        ours = set(row.workloads)

        def sent(now: int, copy: Copy) -> None:
            message = copy.message
            if message.key.workload not in ours and redrive_of(message) is None:
                row.moved_in += 1

        def deduplicated(now: int, message: Message) -> None:
            workload = message.key.workload
            if workload not in direct:
                row.lines["deduplicated"] += 1
            if workload not in ours:
                row.moved_in += 1

        if signal == "deduplicated":
            return deduplicated
        return sent if row.subscriber in self._takes_others else None

    def _trimmed(self, now: int, shard: object, count: int, consumer: str) -> None:
        row = self.rows.get(consumer)
        if row is not None:
            row.lines["expired"] += count

    def _of_subscription(
        self, subscription: Component, rows: list[Row], signal: str
    ) -> Listener | None:
        workloads = {name for row in rows for name in row.workloads}

        def theirs(message: Message) -> list[Row]:
            return rows if message.key.workload in workloads else []

        def filtered(now: int, message: Message) -> None:
            for row in theirs(message):
                row.lines["filtered"] += 1

        def discarded(now: int, message: Message, code: str) -> None:
            for row in theirs(message):
                row.lines["discarded"] += 1
                row.reasons[code] += 1

        def dead_lettered(now: int, copy: Copy) -> None:
            for row in theirs(copy.message):
                row.dead_unprocessed += copy.starts == 0
                row.dead_processed += copy.completions > 0
                row.lines["dead_lettered"] += copy.completions == 0
            self._take_over(subscription, copy.message)

        def sent_again(now: int, message: Message) -> None:
            for row in rows:
                row.sent_again += 1

        heard: dict[str, Listener] = {
            "filtered": filtered,
            "sent_again": sent_again,
            "discarded": discarded,
            "dead_lettered": dead_lettered,
        }
        return heard.get(signal)

    def _take_over(self, subscription: Any, message: Message) -> None:
        """Count a message whose dead-letter queue gets it by a route of its own as well."""
        target = self.rows.get(getattr(subscription, "dead_letter_target", None) or "")
        if target is not None and message.key.workload in target.workloads:
            target.moved_in += 1

    # The end -------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Nothing to work off."""

    def finish(self, now: int) -> None:
        """Ask who still holds what, and collect what entries and publishers know."""
        for row in self.rows.values():
            for line in (*HELD, "refused"):
                row.lines[line] = 0
            self._count_held(row)
            for workload in row.workloads:
                sender = self._entries.senders.get(workload)
                row.lines["refused"] += sender.refused.total() if sender is not None else 0
        self.finished = True

    def _count_held(self, row: Row) -> None:
        components = self._system.components
        for state, _, copy in holding(components[row.subscriber]):
            if copy is None or not (copy.completions or copy.ghost or copy.gone):
                row.lines[state] += 1
        for name in {route.via: None for route in row.routes if route.via is not None}:
            row.lines["in_transit"] += sum(1 for _ in holding(components[name]))
        for name in row.workloads:
            if name in components:
                row.lines["in_transit"] += sum(1 for _ in holding(components[name]))
        for name in {route.entry: None for route in row.routes}:
            entry = components[name]
            if name != row.subscriber and announces(entry, "accepted"):
                row.lines["in_transit"] += sum(1 for _ in holding(entry))

    # Answers -------------------------------------------------------------------------------

    def published(self, row: Row) -> int:
        """Return the messages published to this subscriber."""
        return self._entries.published_by(row.workloads)

    def extra_copies(self, row: Row) -> int:
        """Return effects of sends beyond each message's first, and repeated deliveries."""
        return sum(entry.extra for entry in self._taken(row)) + row.sent_again

    def sent_twice(self, row: Row) -> int:
        """Return extra copies that were kept: messages that exist more than once."""
        return sum(entry.stored_again for entry in self._taken(row))

    def deduplicated(self, row: Row) -> int:
        """Return sends acknowledged and not kept, by the entry or the subscriber."""
        at_entry = sum(entry.deduplicated for entry in self._taken(row))
        return at_entry + row.lines["deduplicated"]

    def _taken(self, row: Row) -> list[Any]:
        taken = self._entries.taken
        pairs = {(route.entry, name): None for route in row.routes for name in route.workloads}
        return [taken[pair] for pair in pairs]

    def done(self, row: Row) -> int:
        """Return copies processed with success at least once."""
        stream = self._completions.streams.get(row.subscriber)
        return stream.copies if stream is not None else 0

    def account(self, name: str) -> dict[str, int]:
        """Return every line of a row, in the order of the module's text; final after `finish`."""
        row = self.rows[name]
        inputs = {
            "published": self.published(row),
            "extra_copies": self.extra_copies(row),
            "moved_in": row.moved_in,
        }
        outputs = {"done": self.done(row)}
        outputs |= {line: row.lines[line] for line in (*HELD, *ENDED)}
        outputs["deduplicated"] = self.deduplicated(row)
        return inputs | outputs | {"lost": sum(inputs.values()) - sum(outputs.values())}

    def lost(self, name: str) -> int:
        """Return what no line explains; 0 when the row sums."""
        return self.account(name)["lost"]

    @property
    def sums(self) -> bool:
        """Whether every row sums."""
        return all(self.lost(name) == 0 for name in self.rows)

    def measures(self, target: str) -> dict[str, Measure]:
        """Return the metrics of a row; what is held is known when the run has ended."""
        row = self.rows.get(target)
        if row is None:
            return {}

        def held(line: str) -> int | None:
            return row.lines[line] if self.finished else None

        found = {
            "published": counter(lambda: self.published(row)),
            "extra_copies": counter(lambda: self.extra_copies(row)),
            "sent_twice": counter(lambda: self.sent_twice(row)),
            "done": counter(lambda: self.done(row), lambda: self.published(row)),
            "deduplicated": counter(lambda: self.deduplicated(row), lambda: self.published(row)),
            "lost": number(lambda: self.lost(target) if self.finished else None),
            "waiting": number(lambda: held("waiting")),
            "in_transit": number(lambda: held("in_transit")),
            "refused": counter(lambda: self._refused(row), lambda: self.published(row)),
            "dead_lettered.never_processed": counter(lambda: row.dead_unprocessed),
            "dead_lettered.processed": counter(lambda: row.dead_processed),
        }
        ended = ("dead_lettered", "error_output", "expired", "purged", "moved")
        for line in (*ended, "filtered", "discarded"):
            found[line] = self._line(row, line)
        return found

    def _line(self, row: Row, line: str) -> Measure:
        return counter(lambda: row.lines[line], lambda: self.published(row))

    def _refused(self, row: Row) -> int:
        senders = self._entries.senders
        return sum(senders[name].refused.total() for name in row.workloads if name in senders)

    def to_json(self) -> dict[str, Any]:
        """Return every row as plain data, with whether it sums."""
        return {
            name: {
                **self.account(name),
                "sums": self.lost(name) == 0,
                "dead_lettered_never_processed": row.dead_unprocessed,
                "discarded_why": dict(sorted(row.reasons.items())),
            }
            for name, row in self.rows.items()
        }


def _of_events(row: Row) -> Listener:
    """Count asynchronous events that no route explains: records of other functions."""
    ours = set(row.workloads)

    def taken(now: int, deliveries: list[Any]) -> None:
        row.moved_in += sum(one.message.key.workload not in ours for one in deliveries)

    return taken


def _of_subscriber(row: Row) -> dict[str, Listener]:
    """Return what to call about a queue, a stream consumer or a function, by signal."""

    def moved_in(now: int, copy: Copy) -> None:
        row.moved_in += 1

    def filtered(now: int, message: Message) -> None:
        row.lines["filtered"] += 1

    def dead_lettered(now: int, copy: Copy) -> None:
        row.dead_unprocessed += copy.starts == 0
        row.dead_processed += copy.completions > 0
        row.end("dead_lettered", copy)

    def expired(now: int, copy: Copy) -> None:
        row.end("expired", copy)

    def purged(now: int, copy: Copy) -> None:
        row.end("purged", copy)

    def moved_out(now: int, copy: Copy) -> None:
        row.end("moved", copy)

    def moved_back(now: int, message: Message) -> None:
        row.moved_in += 1

    def dropped(now: int, copy: Copy, reason: str) -> None:
        row.reasons[reason] += 1
        row.end("discarded", copy)

    def error_output(now: int, copy: Copy, reason: str) -> None:
        row.end("error_output", copy)

    return {
        "moved_in": moved_in,
        "filtered": filtered,
        "dead_lettered": dead_lettered,
        "error_output": error_output,
        "expired": expired,
        "purged": purged,
        "moved_out": moved_out,
        "moved_back": moved_back,
        "dropped": dropped,
    }

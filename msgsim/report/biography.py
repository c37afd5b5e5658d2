"""Biographies as text: what happened to a message, a line each step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgsim.experiment.retell import Moment
from msgsim.observe.trace import Biographies, Step
from msgsim.report.text import number
from msgsim.units import format_duration, format_seconds

NS_PER_S = 1_000_000_000

SENTENCES = {
    "published": "published",
    "retried": "sent again by its client",
    "refused": "given up by its client",
    "accepted": "taken by the topic",
    "forwarded": "on its way to the subscriber",
    "filtered": "kept out by the filter policy",
    "delivered": "handed to the subscriber",
    "attempt_failed": "a delivery attempt failed",
    "sent_again": "delivered once more",
    "discarded": "given up for good",
    "sent": "stored in the queue",
    "moved_in": "arrived as a dead letter or by a move",
    "received": "received",
    "returned": "visible again: its visibility timeout ended",
    "deleted": "deleted",
    "delete_refused": "its delete was refused",
    "dead_lettered": "left for the dead-letter queue",
    "expired": "its retention ended",
    "ghost": "back from a replica after its delete",
    "purged": "removed by a purge",
    "moved_out": "taken away by a message move task",
    "moved_back": "sent anew by a message move task",
    "rescheduled": "its delay was changed",
    "deduplicated": "acknowledged as a duplicate, not kept",
    "repeated": "received again by the attempt id",
    "stored": "stored by the shard",
    "ingested": "taken by the delivery stream",
    "error_output": "put into the error output",
    "shard_throttled": "refused by the shard",
    "taken": "read by the consumer",
    "completed": "processed with success",
    "failed": "an attempt failed",
    "dropped": "given up by the consumer",
    "crashed": "in the hands of a worker that died",
}


def when(time_ns: int) -> str:
    """Return a moment of a run, in seconds with milliseconds."""
    return f"{time_ns / NS_PER_S:,.3f} s".replace(",", " ")


def biography(steps: Sequence[Step], title: str = "") -> str:
    """Return the life of one message: when, how long after the step before, where, what."""
    if not steps:
        return title
    first = steps[0]
    head = title or f"{first.message}, key {first.key}"
    places = max(len(step.place) for step in steps)
    copies = {step.copy: None for step in steps if step.copy >= 0}
    several = {copy: chr(97 + index % 26) for index, copy in enumerate(copies)}
    lines = [head]
    before = first.time_ns
    for step in steps:
        passed = format_duration(step.time_ns - before) if step.time_ns > before else ""
        before = step.time_ns
        copy = f" [{several[step.copy]}]" if len(copies) > 1 and step.copy >= 0 else ""
        lines.append(
            f"  {when(step.time_ns):>14} {'+' + passed if passed else '':>12}  "
            f"{step.place:<{places}}  {sentence(step)}{copy}"
        )
    lines.append(f"  {format_duration(steps[-1].time_ns - first.time_ns)} in all")
    return "\n".join(lines)


def sentence(step: Step) -> str:
    """Return what a step was, in words."""
    words = SENTENCES.get(step.what, step.what.replace("_", " "))
    if step.attempt > 1 or (step.attempt and step.what == "received"):
        words += f" (attempt {step.attempt})"
    told = [
        f"{name.removesuffix('_ns')} {_told(name, value)}"
        for name, value in step.detail.items()
        if value is not None
    ]
    return f"{words}: {', '.join(told)}" if told else words


def _told(name: str, value: object) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        return format_duration(value)
    return str(value)


def lives(kept: Biographies, most: int = 20) -> str:
    """Return the lives of the messages that are kept, the first `most` of them."""
    numbers = kept.messages()
    found = [biography(kept.of(each)) for each in numbers[:most]]
    if len(numbers) > most:
        found.append(f"… and {number(len(numbers) - most)} more messages")
    if not kept.complete:
        found.append("… and what did not fit: a trace in a file holds everything (run --trace)")
    return "\n\n".join(found)


def moment_text(moment: Moment, most: int = 25) -> str:
    """Return how things stood at a moment, and what had happened just before."""
    lines = [f"at {when(moment.at_ns)}", "", "WHO HELD MESSAGES"]
    width = max((len(name) for name in [*moment.held, *moment.facts]), default=0)
    for name, states in moment.held.items():
        told = "   ".join(f"{state.replace('_', ' ')} {number(n)}" for state, n in states.items())
        age = format_seconds((moment.at_ns - moment.oldest_ns[name]) / NS_PER_S)
        lines.append(f"  {name:<{width}}  {told}   oldest {age}")
    if not moment.held:
        lines.append("  nobody")
    lines += ["", "IN THE SECOND BEFORE"]
    for name, facts in moment.facts.items():
        told = "   ".join(f"{what.replace('_', ' ')} {number(n)}" for what, n in facts.items())
        lines.append(f"  {name:<{width}}  {told}")
    if not moment.facts:
        lines.append("  nothing")
    lines += ["", *_last(moment.before.steps, most, width)]
    return "\n".join(lines)


def _last(steps: Sequence[Step], most: int, width: int) -> Iterable[str]:
    if not steps:
        return
    yield "THE LAST OF IT"
    for step in steps[-most:]:
        yield (
            f"  {when(step.time_ns):>14}  {step.place:<{width}}  {step.message}, key {step.key}: "
            f"{sentence(step)}"
        )

"""What `explain` tells of a run: a message, several of interest, a group, a shard, a moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from msgsim import units
from msgsim.commands._telling import nothing
from msgsim.experiment.retell import (
    Told,
    by_number,
    interesting,
    moment,
    of_group,
    of_message,
    of_shard,
    published,
)
from msgsim.problems import quote
from msgsim.report.biography import biography, lives, moment_text, when
from msgsim.scenario.build import build
from msgsim.units import format_duration

LABEL = re.compile(r"(?P<workload>.+)#(?P<place>[0-9]{1,15})")
SHARD = re.compile(r"(?P<stream>.+)\[(?P<shard>[0-9]{1,9})\]")
KINDS = {
    "slowest": "message was done",
    "most_received": "message was received twice",
    "dead_lettered": "message was dead-lettered",
}


def retold(runs: dict[str, Told], name: str, value: Any) -> Iterator[str]:
    """Yield what there is to tell, for each variant.

    Args:
        runs: by variant.
        name: `message`, `slowest`, `most_received`, `dead_lettered`, `group`, `shard` or `at`.
        value: as given on the command line.

    Raises:
        ProblemError: E177, there is nothing of that name, or the run is over by then.
    """
    for variant, told in runs.items():
        if variant:
            yield f"[{variant}]"
        yield _TELL[name](told, value) if name in _TELL else _ranked(told, name, value)


def _message(told: Told, label: str) -> str:
    found = LABEL.fullmatch(label.strip())
    if found is None:
        text = f"{quote(label)} is no message"
        raise nothing(text, hint="a workload and a number, such as Shop#17")
    workload, place = found["workload"], int(found["place"])
    kept = of_message(told, workload, place) if place else None
    if kept is None or not kept.steps:
        _, counts = published(told)
        if workload not in counts:
            raise nothing(f"no workload is called {quote(workload)}", workload, counts)
        hint = f"it published {workload}#1 to {workload}#{counts[workload]}"
        raise nothing(
            f"there is no message {quote(label)}",
            hint=hint if counts[workload] else "it published nothing",
        )
    return biography(kept.of(kept.messages()[0])) if len(kept.messages()) == 1 else lives(kept)


def _ranked(told: Told, kind: str, most: int) -> str:
    if most < 1:
        raise nothing("no message is asked for", hint="at least 1")
    interest = interesting(told, most)
    ranked = interest.ranked(kind)[:most]
    if not ranked:
        return f"no {KINDS[kind]}"
    known = by_number(told, [number for number, _, _ in ranked])
    parts = []
    for number, much, place in ranked:
        steps = known[number]
        told_much = {
            "slowest": f"took {format_duration(much)} until done at {place}",
            "most_received": f"received {much} times at {place}",
            "dead_lettered": f"given up by {place} at {when(-much)}",
        }[kind]
        parts.append(biography(steps, f"{steps[0].message}, key {steps[0].key}: {told_much}"))
    return "\n\n".join(parts)


def _group(told: Told, key: str) -> str:
    kept = of_group(told, key)
    if not kept.steps:
        keys, _ = published(told)
        raise nothing(f"no message has the key {quote(key)}", key, keys)
    return lives(kept)


def _shard(told: Told, text: str) -> str:
    found = SHARD.fullmatch(text.strip())
    if found is None:
        raise nothing(f"{quote(text)} is no shard", hint="a stream and a number, such as Clicks[0]")
    stream, shard = found["stream"], int(found["shard"])
    parts = build(told.scenario, told.seed, told.replication).components
    streams = {name: part for name, part in parts.items() if hasattr(part, "shard_count")}
    if stream not in streams:
        raise nothing(f"no stream is called {quote(stream)}", stream, streams, "there is no stream")
    kept = of_shard(told, stream, shard)
    if not kept.steps:
        count = getattr(streams[stream], "shard_count", 0)
        if shard >= count:
            text = f"{stream} has no shard {shard}"
            raise nothing(text, hint=f"it begins with shards 0 to {count - 1}")
        return f"{stream}[{shard}] stored nothing"
    return lives(kept)


def _at(told: Told, text: str) -> str:
    try:
        at_ns = units.duration_ns(text)
    except ValueError as error:
        raise nothing(str(error), hint="such as 12m30s") from None
    end_ns = told.scenario.duration_ns
    if at_ns > end_ns:
        hint = f"it lasts {format_duration(end_ns)}"
        raise nothing(f"the run is over by {format_duration(at_ns)}", hint=hint)
    return moment_text(moment(told, at_ns))


_TELL: dict[str, Callable[[Told, Any], str]] = {
    "message": _message,
    "group": _group,
    "shard": _shard,
    "at": _at,
}

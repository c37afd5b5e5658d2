"""Lines of a trace: written in blocks and heard directly, they tell what single facts tell."""

from __future__ import annotations

import io
import json

import pytest

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.retell import Told
from msgsim.observe.trace import EventLines, Tracer, sampled
from msgsim.observe.trace.lines import FULL, LINES, PARTS
from msgsim.scenario.load import variants_of
from tests.perf import real

PLAIN = (str, int, float, type(None))
CALLS = {"called", "requested"}


class OneByOne:
    """Recorder: one object for each fact, made at once and by the book."""

    def __init__(self):
        self.facts = []

    def note(self, component, signal):
        if signal.name in CALLS:
            return None
        about = {"message", "copy", "delivery", "deliveries", "messages"}
        names = [name for name in signal.carries if name not in about]

        def keep(now, message, copy, delivery, rest):
            fact = {"t_ns": now, "at": component.name, "kind": component.kind,
                    "what": signal.name}  # fmt: skip
            place = message.number % (1 << 40) + 1
            fact |= {"message": f"{message.key.workload}#{place}", "key": message.key.name}
            if delivery is not None:
                fact["attempt"] = delivery.attempt
            more = zip(names, rest, strict=False)
            self.facts.append(fact | {k: v for k, v in more if isinstance(v, PLAIN)})

        return keep


def scenarios():
    for name in ("standard_vs_fifo", "poison_message", "fan_out_stream", "redrive"):
        every = variants_of(msgsim.load(scenario_path(name), ["duration=60s"]))
        yield pytest.param(next(iter(every.values())), id=name)
    yield pytest.param(msgsim.load_text(real.scenario_text(300, 1)), id="F")
    yield pytest.param(msgsim.load_text(real.batched_text(300, 1)), id="F in batches")


@pytest.mark.parametrize("scenario", list(scenarios()))
@pytest.mark.parametrize("choice", [None, sampled(0.3)], ids=["all", "some"])
def test_lines_tell_every_fact_in_order(scenario, choice):
    plain, stream = OneByOne(), io.StringIO()
    lines = EventLines(stream)
    Told(scenario).again(Tracer(plain, choice), Tracer(lines, choice))
    lines.flush()
    written = [list(json.loads(line).items()) for line in stream.getvalue().splitlines()]
    assert plain.facts
    assert written == [list(fact.items()) for fact in plain.facts]


class Counting:
    """A stream that remembers how many lines it was given at a time."""

    def __init__(self):
        self.blocks = []

    def write(self, text):
        self.blocks.append(text.count("\n"))


def test_lines_are_written_while_the_run_goes_on():
    """No more is held back than a block, and the few deliveries of one receive."""
    stream = Counting()
    lines = EventLines(stream)
    Told(msgsim.load_text(real.batched_text(400, 1))).again(Tracer(lines))
    assert len(stream.blocks) > 3
    assert all(LINES <= block < LINES + 10 for block in stream.blocks)
    assert len(lines.notes) < FULL + 10 * PARTS

"""Traces: what happened to single messages, step by step, for whoever asks for them."""

from __future__ import annotations

from msgsim.observe.trace.biographies import Biographies, Step
from msgsim.observe.trace.choice import EVERY_MESSAGE, Choice, chosen, sampled
from msgsim.observe.trace.interest import Interest
from msgsim.observe.trace.lines import EventLines
from msgsim.observe.trace.listening import Recorder, Tracer
from msgsim.observe.trace.spans import Span, SpanBuilder

__all__ = [
    "EVERY_MESSAGE",
    "Biographies",
    "Choice",
    "EventLines",
    "Interest",
    "Recorder",
    "Span",
    "SpanBuilder",
    "Step",
    "Tracer",
    "chosen",
    "sampled",
]

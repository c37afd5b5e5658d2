"""Source: a scenario as it is written, without what would give the answer away."""

from __future__ import annotations

import re
from html import escape

from msgsim.scenario.schema import Scenario

_HIDDEN = {"expect", "lesson", "msgsim"}
_LOOK = "margin:0;font-family:monospace;font-size:0.9em;line-height:1.35"
_SECTION = re.compile(r"^(?=[A-Za-z])", re.MULTILINE)


class Source:
    """Text of a scenario, shown as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return f'<pre style="{_LOOK}">{escape(self._text)}</pre>'


def source(scenario: Scenario) -> Source:
    """Return a scenario's text without the opening remarks and without what it expects.

    It is the text that was read: what `replace` changed since is not in it.
    """
    text = scenario.sources[scenario.file]
    sections = [part.rstrip() for part in _SECTION.split(text)[1:]]
    return Source("\n".join(one for one in sections if one.partition(":")[0] not in _HIDDEN))

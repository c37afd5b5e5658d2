"""What a scenario's checks say about a property, as the refusal of a call."""

from __future__ import annotations

import re
from typing import Any

from msgsim.cloud.errors import Refused
from msgsim.cloud.lambda_shapes import INVALID

_PREFIX = re.compile(r"^AWS refuses this(?: \(\w+\))?: ")


def sentence(text: str) -> str:
    """Return a finding's text without what it says about AWS in general."""
    return _PREFIX.sub("", text)


def refusal(error: ValueError) -> Refused:
    """Return the refusal for a property that a spec does not take."""
    details: Any = getattr(error, "errors", list)()
    for detail in details:
        cause = detail.get("ctx", {}).get("error", detail["msg"])
        return Refused(INVALID, sentence(str(cause)))
    return Refused(INVALID, sentence(str(error)))

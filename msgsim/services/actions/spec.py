"""What YAML may say about an action."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field

from msgsim.model.catalog import page_beside
from msgsim.model.spec import AwsNumber, Duration, Plain, RefTo, Spec, String

PAGE = page_beside(__file__, "action.md")

FORMS = ("purge", "move", "cancel", "set")


class ActionSpec(Spec):
    """One entry of `actions:`."""

    name: String | None = None
    at: Duration
    purge: Annotated[String | None, RefTo("sqs.queue")] = None
    move: Annotated[String | None, RefTo("sqs.queue")] = None
    cancel: Annotated[String | None, RefTo("sqs.queue")] = None
    set_: Annotated[String | None, Field(alias="set")] = None
    to: Plain = None
    MaxNumberOfMessagesPerSecond: Annotated[
        int | None, AwsNumber(PAGE, "MaxNumberOfMessagesPerSecond")
    ] = None

    @property
    def forms(self) -> list[str]:
        """Which of `FORMS` it takes; a sound action has exactly one."""
        given = (self.purge, self.move, self.cancel, self.set_)
        return [form for form, value in zip(FORMS, given, strict=True) if value is not None]

    @property
    def target(self) -> str:
        """The component it acts on."""
        named = self.purge or self.move or self.cancel
        return named if named is not None else (self.set_ or "").rpartition(".")[0]

    @property
    def changed(self) -> str:
        """The property that `set` changes."""
        return (self.set_ or "").rpartition(".")[2]

    @property
    def description(self) -> str:
        """What it does, in words."""
        if self.purge is not None:
            return f"purge {self.purge}"
        if self.cancel is not None:
            return f"cancel the move of {self.cancel}"
        if self.move is not None:
            return f"move {self.move} to {self.to or 'its sources'}"
        value = self.to if isinstance(self.to, str) else json.dumps(self.to)
        return f"set {self.set_} to {value}"

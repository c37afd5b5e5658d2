"""PyYAML's scanner, made fit for large and hostile text; the events it yields are the same."""

from __future__ import annotations

import re

import yaml

from msgsim.problems import LINE_BREAK

MAX_VALUE = 2**20
"""Characters in one value: the largest message of SQS and SNS has as many bytes."""

_ODD_BREAK = re.compile("[\r\x85\u2028\u2029]")


class TooLongError(Exception):
    """One value is longer than any message could be."""


class Loader(yaml.SafeLoader):
    """PyYAML's scanner, passing over runs of characters at once and ending at a huge value.

    PyYAML goes one character at a time, which takes many seconds for a file near the size limit.
    """

    _GAP = re.compile("(?:[ \r\n\x85\u2028\u2029]+|#[^\0\r\n\x85\u2028\u2029]*)*+")

    def __init__(self, text: str) -> None:
        self._limit = len(text)
        self.token_place = (0, 0)
        super().__init__(text)

    def forward(self, length: int = 1) -> None:
        passed = self.buffer[self.pointer : self.pointer + length]
        self.pointer += len(passed)
        self.index += len(passed)
        if passed.isprintable():
            self.column += len(passed)
        elif passed:
            self._count_lines(passed)
        if self.index > self._limit:
            raise TooLongError

    def _count_lines(self, passed: str) -> None:
        if not _ODD_BREAK.search(passed):
            lines, tail = passed.count("\n"), len(passed) - passed.rfind("\n") - 1
        else:
            if passed.endswith("\r") and self.buffer[self.pointer] == "\n":
                passed = passed[:-1]
            broken = LINE_BREAK.split(passed)
            lines, tail = len(broken) - 1, len(broken[-1])
        self.line += lines
        self.column = tail if lines else self.column + tail

    def scan_to_next_token(self) -> None:
        gap = self._GAP.match(self.buffer, self.pointer)
        line = self.line
        self._limit = len(self.buffer)
        self.forward(len(gap.group()) if gap else 0)
        self._limit = self.index + MAX_VALUE
        self.token_place = (self.line, self.column)
        if self.line > line and not self.flow_level:
            self.allow_simple_key = True

"""PyYAML's complaints in plain words: what to look at, where, and the likely fix."""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml

from msgsim.problems import harmless, quote

TEMPLATING = "msgsim has no templating language: use anchors, `variants` or `--set`"
NO_TABS = "YAML allows only spaces here: replace each tab by spaces"


class Complaint(NamedTuple):
    """A translated syntax error; `line` and `column` count from 0, as PyYAML's marks do."""

    code: str
    message: str
    hint: str | None
    line: int
    column: int


def explain(error: yaml.MarkedYAMLError, lines: list[str]) -> Complaint:
    """Translate a PyYAML scanner or parser error about the text with these lines."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Complaint("E113", f"not valid YAML: {error.problem}", None, 0, 0)
    tab = _tab(lines, mark.line, mark.column)
    if tab is not None:
        return _tab_complaint(lines, mark.line, tab)
    here = lines[mark.line] if mark.line < len(lines) else ""
    problem = error.problem or ""
    if "{{" in here:
        return Complaint("E113", "`{{` is not a value", TEMPLATING, mark.line, here.index("{{"))
    for pattern, message, hint, at_context in _PHRASES:
        if found := re.match(pattern, problem):
            words = [_token(word) for word in found.groups()]
            opened = error.context_mark
            at = opened if at_context and opened is not None else mark
            begun = opened.line + 1 if opened is not None else at.line + 1
            return Complaint(
                _code(problem),
                message.format(*words, begun=begun),
                hint.format(*words, begun=begun) if hint else None,
                at.line,
                at.column,
            )
    return Complaint("E113", f"not valid YAML: {harmless(problem)}", None, mark.line, mark.column)


def _code(problem: str) -> str:
    return "E118" if "tag handle" in problem else "E113"


def _tab(lines: list[str], line: int, column: int) -> int | None:
    """The column of the tab behind an error at this place, if there is one."""
    if line >= len(lines):
        return None
    if lines[line][column : column + 1] == "\t":
        return column
    indent = re.match(r" *(?:- *)*\t", lines[line])
    return indent.end() - 1 if indent else None


def _tab_complaint(lines: list[str], line: int, column: int) -> Complaint:
    more = sum(text.lstrip(" ").startswith("\t") for text in lines[line + 1 :])
    others = f"; {more} more line{'s' * (more > 1)} below begin with one" if more else ""
    purpose = "indents this line" if not lines[line][:column].strip() else "separates words here"
    return Complaint("E114", f"a tab {purpose}{others}", NO_TABS, line, column)


def _token(word: str) -> str:
    """In plain words, what PyYAML quotes as Python does: `'<block end>'`, `'@'`."""
    bare = word[1:-1] if word[:1] in "'\"" else word
    return _TOKENS.get(bare) or quote(bare.replace("\\\\", "\\"))


_TOKENS = {
    "<stream end>": "the end of the file",
    "\\x00": "the end of the file",
    "<block end>": "a line that is indented less",
    "<block mapping start>": "a new indented block",
    "<block sequence start>": "a new indented list",
    "<scalar>": "another value",
    "<document start>": "`---`",
    "<document end>": "`...`",
    "<anchor>": "an anchor `&…`",
    "<alias>": "an alias `*…`",
    "<tag>": "a tag `!…`",
    "`": "a backtick",
    "\\n": "the end of the line",
    "\\r": "the end of the line",
}

_QUOTES = "put the whole value in quotes"
_INDENT = "check the indentation, and that quotes and brackets close where they should"

_PHRASES: tuple[tuple[str, str, str | None, bool], ...] = (
    (
        "mapping values are not allowed here",
        "a `:` does not fit here",
        "a value that contains `: ` needs quotes; else check the indentation, "
        "and that the line above has its own `:`",
        False,
    ),
    (
        "found character (.+) that cannot start any token",
        "a value cannot begin with {0}",
        _QUOTES,
        False,
    ),
    (
        "could not find expected ':'",
        "this line has no `:`",
        "write `key: value`, or `- value` for an item of a list",
        True,
    ),
    (
        "found unexpected (?:end of stream|document separator)",
        "the quote opened here is never closed",
        "close it, or double a quote that belongs to the text",
        True,
    ),
    (
        "found unknown escape character (.+)",
        "{0} cannot follow a backslash in double quotes",
        "use single quotes, in which a backslash is an ordinary character",
        False,
    ),
    (
        "expected escape sequence of (.+) hexadecimal numbers",
        "an escape such as `\\x41` needs {0} hexadecimal digits",
        "use single quotes, in which a backslash is an ordinary character",
        False,
    ),
    (
        "sequence entries are not allowed here",
        "a list item cannot begin here",
        "put `- ` on a line of its own, indented under its key",
        False,
    ),
    ("mapping keys are not allowed here", "a key cannot begin here", _INDENT, False),
    (
        "expected alphabetic or numeric character",
        "a name must follow `*` or `&` (they mark YAML anchors), or `%` at the start of a line",
        f"if the character belongs to the value, {_QUOTES}",
        True,
    ),
    (
        "expected (?:a comment or a line break|chomping or indentation)",
        "`|` and `>` begin a block of text on the next line, and nothing may follow them here",
        f"if the character belongs to the value, {_QUOTES}",
        False,
    ),
    (
        "expected indentation indicator",
        "the number behind `|` or `>` must be 1 to 9",
        None,
        False,
    ),
    (
        "expected <block end>, but found (.+)",
        "this does not continue the block that begins on line {begun}",
        _INDENT,
        False,
    ),
    (
        "expected ',' or '([]}])', but got '<stream end>'",
        "the bracket opened here is never closed",
        "close it with {0}",
        True,
    ),
    (
        "expected ',' or '([]}])', but got (.+)",
        "expected `,` or {0}, but found {1}",
        "the bracket was opened on line {begun}",
        False,
    ),
    (
        "found undefined tag handle (.+)",
        "unknown tag {0}",
        "write the plain value; tags are not used",
        False,
    ),
    ("expected the node content, but found (.+)", "expected a value, but found {0}", None, False),
    (
        "expected '<document start>', but found (.+)",
        "the scenario has ended above; this does not belong to it",
        "everything belongs to one mapping: lines such as `duration: 10m`",
        False,
    ),
    ("found incompatible YAML document", "this YAML version is unknown", "remove `%YAML`", False),
)

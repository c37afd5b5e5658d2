"""Problems a user can mend: what is wrong, where, and the likely fix, in one shape everywhere.

A `Problem` is a value. Whoever reads text collects all of them (`Problems`) and raises once
(`ProblemError`); `render` is the only place that turns them into text. The first letter of a code
is its severity: E stops the run, W is advice.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What ends a line in YAML; `str.splitlines` knows more breaks and would shift line numbers."""

CODES: dict[str, str] = {}
"""Every registered code with its one-line meaning."""

PAGES: dict[str, str] = {}
"""Every registered code with what its registration says of it."""


def register(code: str, title: str, page: str = "") -> None:
    """Make a code known: `title` is its one-line meaning.

    The page that `explain CODE` prints stands in `report/codes.yaml`; a package outside msgsim
    gives it as `page`. A code that is known keeps the page it has.
    Raises `ValueError` for a malformed code, or one that already means something else.
    """
    if not re.fullmatch(r"[EW][0-9]{3}", code):
        raise ValueError(f"a code is E or W and three digits, not {code!r}")
    if CODES.get(code, title) != title:
        raise ValueError(f"code {code} already means {CODES[code]!r}")
    CODES[code] = title
    PAGES.setdefault(code, page or title)


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a file: `line` and `column` count from 1, `length` characters."""

    file: str
    line: int
    column: int
    length: int = 1

    def __str__(self) -> str:
        return f"{harmless(self.file)}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `hint` is the likely fix; without `place` it concerns no text."""

    code: str
    message: str
    place: Place | None = None
    hint: str | None = None

    @property
    def severity(self) -> Severity:
        """What the first letter of the code says."""
        return "warning" if self.code.startswith("W") else "error"

    def __str__(self) -> str:
        where = f"{self.place}  " if self.place else ""
        return f"{where}{self.code} {harmless(self.message)}"


class ProblemError(Exception):
    """The input cannot be used. `problems` says why; `sources` maps file names to their text."""

    def __init__(
        self, problems: Iterable[Problem], sources: Mapping[str, str] | None = None
    ) -> None:
        self.problems = tuple(problems)
        self.sources = dict(sources or {})
        super().__init__(self.problems, self.sources)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in in_file_order(self.problems))


class Problems:
    """Collects problems, so that a user sees all of them in one go."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(
        self, code: str, message: str, place: Place | None = None, hint: str | None = None
    ) -> None:
        """Note one problem; the arguments are those of `Problem`."""
        self._found.append(Problem(code, message, place, hint))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note several problems."""
        self._found.extend(problems)

    @property
    def errors(self) -> list[Problem]:
        """What stops the run."""
        return [problem for problem in self._found if problem.severity == "error"]

    @property
    def warnings(self) -> list[Problem]:
        """What is only advice."""
        return [problem for problem in self._found if problem.severity == "warning"]

    def raise_if_errors(self, sources: Mapping[str, str] | None = None) -> None:
        """Raise `ProblemError` with everything found, warnings too, if there is an error."""
        if self.errors:
            raise ProblemError(self._found, sources)


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems without a place first, then file by file as first met, each from top to bottom."""
    listed = list(problems)
    files: dict[str, int] = {}
    for problem in listed:
        if problem.place:
            files.setdefault(problem.place.file, len(files))

    def position(problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        return (files[place.file], place.line, place.column) if place else (-1, 0, 0)

    return sorted(listed, key=position)


def to_json(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """The same fields as the text, as plain values, in file order."""
    return [
        {
            "code": problem.code,
            "severity": problem.severity,
            "message": problem.message,
            "hint": problem.hint,
            "file": problem.place.file if problem.place else None,
            "line": problem.place.line if problem.place else None,
            "column": problem.place.column if problem.place else None,
            "length": problem.place.length if problem.place else None,
        }
        for problem in in_file_order(problems)
    ]


# --- text for people ------------------------------------------------------------------------------

_WIDTH = 100
_LONGEST_SOURCE_LINE = 100
_GUTTER = "      | "
_INDENT = "      "
_STYLES = {"error": "\x1b[31m", "warning": "\x1b[33m", "place": "\x1b[1m", "quiet": "\x1b[2m"}


def harmless(text: str) -> str:
    """`text` with each character that moves a cursor, hides text or breaks a line made visible.

    One character becomes one character, so that columns stay where they were.
    """
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\t":
        return "→"
    if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
        return character
    number = ord(character)
    return chr(0x2400 + number) if number < 0x20 else "\N{REPLACEMENT CHARACTER}"


def quote(text: str, longest: int = 60) -> str:
    """The user's own words between backquotes, harmless and cut to `longest` characters."""
    shown = harmless(text[: longest + 1])
    return f"`{shown[:longest]}…`" if len(text) > longest else f"`{shown}`"


def render(
    problems: Iterable[Problem],
    sources: Mapping[str, str] | None = None,
    color: bool = False,
    limit: int = 20,
) -> str:
    """Problems as text: place, code and message; the line with a caret; the hint.

    At most `limit` are shown, errors before warnings when both do not fit, in file order, then a
    count of the rest. `sources` maps file names to their whole text.
    """
    ordered = in_file_order(problems)
    errors_first = sorted(range(len(ordered)), key=lambda i: ordered[i].severity == "warning")
    shown = [ordered[i] for i in sorted(errors_first[:limit])]
    lines_of = {file: LINE_BREAK.split(text) for file, text in (sources or {}).items()}
    blocks = [_block(problem, lines_of, color) for problem in shown]
    if len(ordered) > len(shown):
        blocks.append(_rest(ordered, shown))
    return "\n".join(blocks)


def _rest(ordered: list[Problem], shown: list[Problem]) -> str:
    def count(severity: Severity) -> str:
        number = sum(p.severity == severity for p in ordered) - sum(
            p.severity == severity for p in shown
        )
        return f"{number} {severity}" + ("s" if number != 1 else "")

    return f"… and {len(ordered) - len(shown)} more: {count('error')}, {count('warning')}"


def _block(problem: Problem, lines_of: Mapping[str, list[str]], color: bool) -> str:
    def paint(style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}\x1b[0m" if color else text

    where = paint("place", str(problem.place)) + "  " if problem.place else ""
    block = [f"{where}{paint(problem.severity, problem.code)} {harmless(problem.message)}"]
    hint = harmless(problem.hint) if problem.hint else ""
    source = _source_line(problem.place, lines_of)
    if problem.place and source is not None:
        text, start, carets = _window(source, problem.place)
        block.append(paint("quiet", f"{problem.place.line:>5} | ") + text)
        caret_line = " " * _columns(text[:start]) + paint(problem.severity, carets)
        width = len(_GUTTER) + _columns(text[:start]) + len(carets) + 1 + _columns(hint)
        if hint and width <= _WIDTH:
            caret_line, hint = f"{caret_line} {hint}", ""
        block.append(paint("quiet", _GUTTER) + caret_line)
    if hint:
        block.append(_INDENT + hint)
    return "\n".join(block)


def _source_line(place: Place | None, lines_of: Mapping[str, list[str]]) -> str | None:
    if place is None:
        return None
    lines = lines_of.get(place.file, [])
    if not 1 <= place.line <= len(lines) or not lines[place.line - 1].strip():
        return None
    return lines[place.line - 1]


def _window(source: str, place: Place) -> tuple[str, int, str]:
    """The part of a line worth showing, where in it the caret begins, and the carets."""
    start = max(0, min(place.column - 1, len(source)))
    first = 0
    if len(source) > _LONGEST_SOURCE_LINE:
        first = max(0, min(start - 40, len(source) - _LONGEST_SOURCE_LINE))
    end = first + _LONGEST_SOURCE_LINE
    text = source[first:end]
    marked = text[start - first : start - first + max(1, place.length)]
    before = "…" if first else ""
    after = "…" if end < len(source) else ""
    carets = "^" * max(1, _columns(harmless(marked)))
    return harmless(before + text + after), start - first + len(before), carets


def _columns(text: str) -> int:
    """How many terminal columns `text` takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


# --- did you mean ---------------------------------------------------------------------------------

_LONGEST_WORD = 80
_MOST_CANDIDATES = 2_000


def plain_spelling(word: str) -> str:
    """One spelling for `VisibilityTimeout`, `visibilityTimeout` and `visibility_timeout`."""
    return re.sub(r"[_\-\s]", "", word).casefold()


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate the user most likely meant, or `None`.

    The same word in other letters' case or in snake_case wins over a word that merely resembles.
    """
    if len(word) > _LONGEST_WORD:
        return None
    wanted = plain_spelling(word)
    spelled: dict[str, str] = {}
    for candidate in candidates:
        spelled.setdefault(plain_spelling(candidate), candidate)
    if wanted in spelled:
        return spelled[wanted]
    close = difflib.get_close_matches(wanted, list(spelled)[:_MOST_CANDIDATES], n=1, cutoff=0.65)
    return spelled[close[0]] if close else None


# --- the codes of the text itself -----------------------------------------------------------------

_FILE_CODES = {
    "E101": "unknown section",
    "E110": "the file does not exist",
    "E111": "the file cannot be read as text",
    "E112": "the file is too large",
    "E113": "the text is not YAML",
    "E114": "a tab where YAML wants spaces",
    "E115": "a key is given twice",
    "E116": "the text is too big or too deep once its anchors are expanded",
    "E117": "empty, or not a mapping where one is needed",
    "E118": "unknown YAML tag",
    "E119": "several YAML documents in one file",
    "E120": "an override names a path that does not exist",
    "E121": "an override is not written as PATH=VALUE",
    "E130": "a wrong unit or number",
}

for _code, _title in _FILE_CODES.items():
    register(_code, _title)

"""Small pieces of HTML; every text that comes from a scenario passes through `text`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Block:
    """One block of a page.

    Attributes:
        name: its id, which links point at.
        title: its heading.
        lead: what to look at, in one sentence.
        body: HTML.
    """

    name: str
    title: str
    lead: str
    body: str

    def html(self) -> str:
        """Return the block as a section."""
        lead = f'<p class="lead">{text(self.lead)}</p>' if self.lead else ""
        return f'<section id="{self.name}"><h2>{text(self.title)}</h2>{lead}{self.body}</section>'


def text(value: object) -> str:
    """Return a value as text that is safe between tags and in attributes."""
    return escape(str(value), quote=True)


def mark(good: bool, words: str) -> str:
    """Return ✓ or ✗ with words, told apart by more than colour."""
    sign, name = ("✓", "met") if good else ("✗", "not")
    return f'<span class="{name}">{sign} {text(words)}</span>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numeric: Iterable[int] = ()) -> str:
    """Return a table; cells are HTML, columns in `numeric` are set to the right."""
    right = set(numeric)

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if index in right else ''}>{cell}</{tag}>"
            for index, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    head = cells("th", [text(name) for name in heads])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'

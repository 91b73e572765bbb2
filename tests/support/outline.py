"""An HTML page as its outline: what a test may compare without comparing bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_TOLD: Final = frozenset({"h1", "h2", "h3", "caption", "summary", "dt", "title"})


@dataclass
class Outline(HTMLParser):
    """Read a page with `feed`.

    Attributes:
        lines: headings, captions, summaries and labels, each behind its tag.
        columns: the column heads of each table.
        text: all text.
        tags: every tag with its attributes, in order.
    """

    lines: list[str] = field(default_factory=list)
    columns: list[list[str]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._svg = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._svg += tag == "svg"
        if self._svg:
            return
        if tag in _TOLD:
            self.lines.append(f"{tag}: ")
            self._open.append(tag)
        elif tag == "table":
            self.columns.append([])
        elif tag == "th" and ("scope", "col") in attrs:
            self.columns[-1].append("")
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self._svg -= tag == "svg"
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._svg or not self._open:
            return
        words = " ".join(data.split())
        if self._open[-1] == "th":
            self.columns[-1][-1] += words
        elif words:
            self.lines[-1] = f"{self.lines[-1].rstrip()} {words}"

    def number_of(self, tag: str) -> int:
        """How many elements of this kind."""
        return sum(each == tag for each, _ in self.tags)


def outline(page: str) -> Outline:
    """The outline of a page."""
    found = Outline()
    found.feed(page)
    found.close()
    return found

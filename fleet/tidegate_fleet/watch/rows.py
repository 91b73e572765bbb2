"""Rows of text for a terminal: what is said, and in which tone. PURE.

A tone helps the eye and says nothing by itself: whatever it marks is said in words or signs too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.roster import Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_fleet.watch.picture import Counts


class Tone(StrEnum):
    """How a word is meant."""

    PLAIN = "plain"
    TITLE = "title"
    DIM = "dim"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    BUSY = "busy"


Span = tuple[str, Tone]


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes:
        spans: its words.
        key: what it is about: the cursor stays with it when rows above come and go. Empty: nothing can be
            asked of it, and the cursor passes it by.
        leads: where the enter key goes from it: to hosts, or to the host with that name.
    """

    spans: tuple[Span, ...]
    key: str = ""
    leads: Filter | str | None = None

    @property
    def text(self) -> str:
        """Its words, without their tones."""
        return "".join(text for text, _ in self.spans)


class Rows(Protocol):
    """Rows that are made when they come into sight: there may be fifty thousand."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __getitem__(self, index: int, /) -> Row:
        """One of them."""
        ...

    def find(self, key: str) -> int | None:
        """Where the row with this key is."""
        ...


class FewRows:
    """Rows that are all there. See Rows."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Row:
        return self._rows[index]

    def find(self, key: str) -> int | None:
        """See Rows.find."""
        return next((index for index, one in enumerate(self._rows) if one.key == key), None)


def row(*spans: str | Span, key: str = "", leads: Filter | str | None = None) -> Row:
    """A row of words; those without a tone are plain."""
    toned = tuple((span, Tone.PLAIN) if isinstance(span, str) else span for span in spans)
    return Row(toned, key, leads)


def title(text: str) -> Row:
    """A heading."""
    return row((text, Tone.TITLE))


def indented(first: Row) -> Row:
    """The row, two columns further in."""
    return replace(first, spans=(("  ", Tone.PLAIN), *first.spans))


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines of at most `width` characters, broken at blanks where there are any."""
    # A page that has no place on the screen yet has no width: less than one character is none.
    width, lines = max(width, 1), list[str]()
    while len(text) > width:
        cut = text.rfind(" ", 1, width + 1)
        cut = width if cut <= 0 else cut
        lines.append(text[:cut])
        text = text[cut:].lstrip()
    return [*lines, text] if text or not lines else lines


PHASES: Final = (
    *((Phase.SUCCEEDED, "█", Tone.GOOD), (Phase.FAILED, "x", Tone.BAD), (Phase.SKIPPED, "-", Tone.DIM)),
    *((Phase.ACTIVATING, "▓", Tone.BUSY), (Phase.STAGING, "▒", Tone.BUSY), (Phase.WAITING, "░", Tone.DIM)),
    (Phase.PENDING, "·", Tone.DIM),
)
"""In the order of a bar, with the sign that stands for each."""

SIGNS: Final = {phase: sign for phase, sign, _ in PHASES}
TONES: Final = {phase: tone for phase, _, tone in PHASES}


def bar(counts: Counts, width: int) -> tuple[Span, ...]:
    """A bar of signs. A phase that has hosts has a sign, be they ever so few, as long as there is room."""
    whole = sum(counts.values())
    if not whole:
        return ((" " * width, Tone.PLAIN),)
    present = [(phase, counts[phase]) for phase, _, _ in PHASES if counts.get(phase)]
    cells = _apportion([number for _, number in present], width)
    return tuple(
        (SIGNS[phase] * cell, TONES[phase]) for (phase, _), cell in zip(present, cells, strict=True) if cell
    )


def _apportion(numbers: Sequence[int], width: int) -> list[int]:
    """Cells in proportion, by largest remainder (Hamilton's method); one each while there is room."""
    whole, least = sum(numbers), 1 if len(numbers) <= width else 0
    spare = width - least * len(numbers)
    exact = [number * width / whole - least for number in numbers]
    wanted = [max(0.0, each) for each in exact]
    scale = spare / sum(wanted) if sum(wanted) else 0.0
    cells = [int(each * scale) for each in wanted]
    remainders = sorted(range(len(numbers)), key=lambda i: (cells[i] - wanted[i] * scale, i))
    for index in remainders[: spare - sum(cells)]:
        cells[index] += 1
    return [cell + least for cell in cells]

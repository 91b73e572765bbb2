"""The listing on a terminal, painted anew while it changes. The worst rows are first, as many as fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.listing.table import table
from tidegate_fleet.listing.text import header
from tidegate_fleet.phrases import count

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from tidegate_fleet.listing.register import Register

_LEAST: Final = 3
_BAD: Final = frozenset({Drift.AHEAD, Drift.FAILED, Drift.FAULT, Drift.QUARANTINED, Drift.CHANGED})
_STYLES: Final = {Drift.CURRENT: "green", **dict.fromkeys(_BAD, "red")}


class LiveListing:
    """A context manager: fills the screen until it is left.

    Args:
        register: what is shown.
        console: where; the terminal when absent.
        most: rows, if there is room for so many; None: as many as there is room for.
    """

    def __init__(self, register: Register, console: Console | None = None, most: int | None = None) -> None:
        self._most = most
        self._register = register
        self._console = console or Console()
        self._live = Live(console=self._console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def paint(self, now: datetime, notice: str = "") -> None:
        """Show how things stand; `notice` is what a person has to know."""
        self._live.update(self.picture(now, notice), refresh=True)

    def picture(self, now: datetime, notice: str = "") -> Text:
        """What is shown, made to fit the terminal."""
        width, height = self._console.size
        above = [f"{now:%H:%M:%SZ}  {notice}".rstrip(), *header(self._register, now), ""]
        above = above[: max(_LEAST, height // 2)]
        room = max(_LEAST, height - len(above) - 2)
        rows = self._register.rows(room if self._most is None else min(room, self._most))
        text = Text(no_wrap=True, overflow="ellipsis")
        for line in above:
            text.append(f"{line}\n", style="bold")
        titles, *lines = table(rows, now, width)
        text.append(f"{titles}\n", style="dim")
        for row, line in zip(rows, lines, strict=True):
            text.append(f"{line}\n", style=_STYLES.get(row.drift or Drift.UNKNOWN, ""))
        more = len(self._register) - len(rows)
        text.append(f"… and {count(more)} rows more" if more else "", style="dim")
        return text

"""The demo in a terminal: the steps on the left, the events as they come on the right, the host below."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidegate_publisher.devstack.demo.steps import steps_panel
from tidegate_publisher.devstack.demo.words import status_words, step_words, why_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from tidegate_publisher.devstack.demo.board import Board, Picture
    from tidegate_publisher.devstack.demo.observation import EventHeard
    from tidegate_schemas.events import UpdateData

_FRAMES_PER_S: Final = 8
_HEIGHT: Final = 38
_HOST_HEIGHT: Final = 6
_LEFT_WIDTH: Final = 54
_EVENT_WIDTH: Final = 21
_NARROW: Final = 110
_BAD: Final = frozenset({"rejected", "failed", "rolled-back", "rolling-back"})


class Screen:
    """Draws the board anew with every frame.

    Args:
        board: what is shown.
        versions: how to call a digest: `v2`.
    """

    def __init__(self, board: Board, versions: dict[str, str]) -> None:
        self._board = board
        self._versions = versions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One frame (rich's console protocol)."""
        picture = self._board.picture()
        height = min(options.max_height, _HEIGHT)
        frame = Layout(size=height)
        frame.split_column(
            Layout(self._doing(picture), size=1),
            Layout(name="middle"),
            Layout(self._host(picture), size=_HOST_HEIGHT),
        )
        room = height - 1 - _HOST_HEIGHT - 2
        left = _LEFT_WIDTH if options.max_width >= _NARROW else options.max_width // 2
        frame["middle"].split_row(
            Layout(steps_panel(picture.steps, picture.now), size=left),
            Layout(_events(picture, room)),
        )
        yield from console.render(frame, options.update(height=height))

    def _doing(self, picture: Picture) -> Text:
        line = Text(f"{picture.now:5.1f} s  ", style="dim", no_wrap=True, overflow="ellipsis")
        return line.append(picture.doing, style="bold cyan not dim")

    def _host(self, picture: Picture) -> Panel:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis")
        if picture.status is not None:
            for label, text in status_words(picture.status, self._versions, datetime.now(UTC)):
                table.add_row(label, Text(text))
        else:
            table.add_row("nothing yet", "")
        return Panel(table, title="the host says", title_align="left", border_style="dim")


def _events(picture: Picture, room: int) -> Panel:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(justify="right", style="dim", width=5)
    table.add_column(width=_EVENT_WIDTH, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis", style="dim")
    for heard in picture.events[-max(room, 1) :]:
        data = heard.event.data
        table.add_row(
            f"{heard.at:.1f}", Text(step_words(data), style=step_style(data)), Text(why_words(data))
        )
    return Panel(table, title="events from the broker", title_align="left", border_style="dim")


def step_style(data: UpdateData) -> str:
    """The colour of a step."""
    if data.step.value in _BAD:
        return "red"
    return {"succeeded": "bold green", "waiting": "yellow"}.get(data.step.value, "")


@contextlib.contextmanager
def live(console: Console, board: Board, versions: dict[str, str]) -> Iterator[None]:
    """Show the board until the end of the block; nothing of it stays on the terminal."""
    screen = Screen(board, versions)
    with Live(screen, console=console, refresh_per_second=_FRAMES_PER_S, transient=True):
        yield


def event_line(heard: EventHeard) -> str:
    """An event on one plain line."""
    data = heard.event.data
    return f"{heard.at:6.1f} s  {step_words(data):<28} {why_words(data)}".rstrip()

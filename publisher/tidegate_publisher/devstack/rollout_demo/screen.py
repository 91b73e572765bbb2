"""The demo in a terminal, drawn anew several times a second."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidegate_fleet.standing import Phase
from tidegate_publisher.devstack.demo.steps import steps_panel
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, FIXED, WAVES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from tidegate_publisher.devstack.rollout_demo.board import Board
    from tidegate_publisher.devstack.rollout_demo.scenario import Scenario
    from tidegate_publisher.devstack.rollout_demo.sight import Release

_FRAMES_PER_S: Final = 4
_BAR: Final = 40
_COLOURS: Final = {
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    Phase.ACTIVATING: "yellow",
    Phase.STAGING: "cyan",
}


class Screen:
    """Draws the board anew with every frame."""

    def __init__(self, board: Board, scenario: Scenario) -> None:
        self._board = board
        self._sizes = dict(zip(WAVES, scenario.sizes, strict=True))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One frame (rich's console protocol)."""
        del console, options
        board = self._board
        head = Text(f"{board.clock():5.1f} s  ", style="dim").append(board.text, style="bold cyan not dim")
        steps = steps_panel(board.steps.lines.values(), board.clock())
        yield Group(head, steps, self._waves(), self._figures())

    def _waves(self) -> Panel:
        table = Table.grid(padding=(0, 1))
        for version in (BAD, FIXED):
            release = self._board.sight.release(version)
            for wave, size in self._sizes.items():
                done = release.hosts(Phase.SUCCEEDED, Phase.FAILED, wave=wave)
                table.add_row(version, wave, _bar(release, wave, size), f"{done}/{size}")
        return Panel(table, title="waves", title_align="left", border_style="dim")

    def _figures(self) -> Text:
        sight = self._board.sight
        fleet = sight.fleet
        return Text(
            f"{fleet.connected}/{fleet.hosts} connected over {sight.nodes} brokers,"
            f" {fleet.losses} connections lost; {sight.events} of {fleet.created} events collected",
            style="dim",
        )


def _bar(release: Release, wave: str, size: int) -> Text:
    bar = Text()
    for phase, colour in _COLOURS.items():
        cells = _BAR * release.hosts(phase, wave=wave) // max(size, 1)
        bar.append("█" * cells, style=colour)
    return bar.append("·" * max(0, _BAR - len(bar)), style="dim")


@contextlib.contextmanager
def live(console: Console, board: Board, scenario: Scenario) -> Iterator[None]:
    """Show the board until the end of the block; nothing of it stays on the terminal."""
    with Live(Screen(board, scenario), console=console, refresh_per_second=_FRAMES_PER_S, transient=True):
        yield

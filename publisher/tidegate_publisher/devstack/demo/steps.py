"""The steps of a demo: how far each is, and how that is shown. Both demos' boards and screens have them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Generic, TypeVar

import click
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

K = TypeVar("K", bound=Hashable)

_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURNS_PER_S: Final = 8


class Progress(StrEnum):
    """How far a step is."""

    AHEAD = "ahead"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_MARKS: Final = {Progress.AHEAD: ("·", "dim"), Progress.DONE: ("✓", "green"), Progress.FAILED: ("✗", "red")}


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step as it is shown. `at` is when it came to its end, in seconds since the demo began."""

    text: str
    progress: Progress = Progress.AHEAD
    note: str = ""
    at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether it was observed, or will not be."""
        return self.progress in {Progress.DONE, Progress.FAILED}


class Steps(Generic[K]):
    """All steps, by what is checked, in their order.

    Args:
        texts: what each is called.
    """

    def __init__(self, texts: Mapping[K, str]) -> None:
        self._lines = {key: StepLine(text) for key, text in texts.items()}

    def move(self, key: K, progress: Progress, note: str, now: float) -> StepLine:
        """A step has come so far; its line from now on."""
        moved = replace(self._lines[key], progress=progress, note=note)
        line = self._lines[key] = replace(moved, at=now if moved.ended else None)
        return line

    @property
    def lines(self) -> Mapping[K, StepLine]:
        """Each step's line."""
        return self._lines

    @property
    def missing(self) -> list[K]:
        """What was not observed."""
        return [key for key, line in self._lines.items() if line.progress is not Progress.DONE]


def steps_panel(lines: Iterable[StepLine], now: float) -> Panel:
    """Steps on a terminal."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1, no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for line in lines:
        mark, style = _mark(line, now)
        text = Text(line.text, style="dim" if line.progress is Progress.AHEAD else "")
        if line.progress is Progress.RUNNING:
            text.stylize("bold")
        if line.note:
            text.append(f"  {line.note}", style="not bold yellow")
        table.add_row(Text(mark, style=style), text)
    return Panel(table, title="steps", title_align="left", border_style="dim")


def _mark(line: StepLine, now: float) -> tuple[str, str]:
    if line.progress is Progress.RUNNING:
        return _SPINNER[math.floor(now * _TURNS_PER_S) % len(_SPINNER)], "cyan"
    return _MARKS[line.progress]


class PlainSteps:
    """Steps where there is no terminal: a line for everything that changes."""

    def step(self, now: float, line: StepLine) -> None:
        """The end of a step; its beginning is told by what is done."""
        if line.ended:
            word = "ok    " if line.progress is Progress.DONE else "FAILED"
            note = f" ({line.note.strip('[]')})" if line.note else ""
            click.echo(f"{now:6.1f} s  {word} {line.text}{note}")

    def doing(self, now: float, text: str) -> None:
        """What is being done."""
        if text:
            click.echo(f"{now:6.1f} s  > {text}")

"""The demo where there is no terminal: a line for everything that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher.devstack.demo.board import Progress
from tidegate_publisher.devstack.demo.observation import EventHeard
from tidegate_publisher.devstack.demo.screen import event_line

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.board import StepLine
    from tidegate_publisher.devstack.demo.observation import Observation


class PlainLines:
    """See board.Teller."""

    def step(self, now: float, line: StepLine) -> None:
        """The end of a step; its beginning is told by what is done."""
        if line.progress in {Progress.DONE, Progress.FAILED}:
            word = "ok    " if line.progress is Progress.DONE else "FAILED"
            note = f" ({line.note.strip('[]')})" if line.note else ""
            click.echo(f"{now:6.1f} s  {word} {line.text}{note}")

    def doing(self, now: float, text: str) -> None:
        """What is being done."""
        if text:
            click.echo(f"{now:6.1f} s  > {text}")

    def heard(self, heard: Observation) -> None:
        """Events; the status says nothing that they do not."""
        if isinstance(heard, EventHeard):
            click.echo(event_line(heard))

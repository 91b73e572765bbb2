"""The demo where there is no terminal: a line for everything that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher.devstack.demo.observation import EventHeard
from tidegate_publisher.devstack.demo.screen import event_line
from tidegate_publisher.devstack.demo.steps import PlainSteps

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.observation import Observation


class PlainLines(PlainSteps):
    """See board.Teller."""

    def heard(self, heard: Observation) -> None:
        """Events; the status says nothing that they do not."""
        if isinstance(heard, EventHeard):
            click.echo(event_line(heard))

"""Ctrl-C, where it is the way to leave: a view that goes on until somebody has seen enough."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERRUPTED: Final = 128 + signal.SIGINT
"""The exit status of what SIGINT ended, as shells have it."""


@contextlib.contextmanager
def left_by_ctrl_c() -> Iterator[None]:
    """End a command quietly at Ctrl-C, with the status that says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None

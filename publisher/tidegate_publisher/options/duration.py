"""A duration, as an option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher.durations import parse_duration

if TYPE_CHECKING:
    from datetime import timedelta


def read_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """A click callback: read `14d`; a usage error says what was expected."""
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error

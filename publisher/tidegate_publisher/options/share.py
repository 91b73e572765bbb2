"""A share of hosts, as an option: `3%` or `0.03`, as in the release file."""

from __future__ import annotations

import click

from tidegate_schemas.gates import read_share


def share_of_text(text: str) -> float:
    """Read a share, from 0 to 1. Raises ValueError, which says what was expected."""
    try:
        number = float(text)
    except ValueError:
        return read_share(text)
    return read_share(number)


def share_option(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """A click callback: read `3%` or `0.03`; a usage error says what was expected."""
    try:
        return share_of_text(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error

"""PRODUCT/CHANNEL, as an argument."""

from __future__ import annotations

from typing import NamedTuple

import click

from tidegate_schemas.codes import TidegateError
from tidegate_schemas.topics import check_name


class Target(NamedTuple):
    """One channel of one product."""

    product: str
    channel: str


def read_target(ctx: click.Context, param: click.Parameter, value: str | None) -> Target | None:
    """A click callback: read `os/stable`; a usage error says what was expected."""
    if value is None:
        return None
    product, slash, channel = value.partition("/")
    if not slash:
        raise click.BadParameter(f"{value[:80]!r} is not PRODUCT/CHANNEL, such as os/stable", ctx, param)
    try:
        return Target(check_name("product", product), check_name("channel", channel))
    except TidegateError as error:
        raise click.BadParameter(f"{error.reason}; {error.remedy}", ctx, param) from error

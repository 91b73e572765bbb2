"""An image's digest, as an option."""

from __future__ import annotations

import re

import click

from tidegate_schemas.base import DIGEST_PATTERN


def read_digest(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A click callback: read `sha256:…`; a usage error says what was expected."""
    if value is not None and not re.fullmatch(DIGEST_PATTERN, value):
        raise click.BadParameter(f"{value[:80]!r} is not sha256: and 64 hexadecimal digits", ctx, param)
    return value

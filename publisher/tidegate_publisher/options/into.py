"""--output, -o: into which file a signed statement is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def into_option(text: str, *, required: bool) -> Callable[[Any], Any]:
    """The option, as the command's argument `into`."""
    return click.option(
        "--output",
        "-o",
        "into",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_check_folder,
        required=required,
        help=text,
    )


def _check_folder(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A click callback: found out before anything is signed."""
    del param
    if value is not None and not value.parent.is_dir():
        raise click.UsageError(f"--output: there is no folder {value.parent}", ctx)
    return value

"""--identity-token and its kin: in whose name is signed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate_publisher.options.declare import group

if TYPE_CHECKING:
    from tidegate_publisher.adapters.identity import IdentitySource


def _build(identity_token: str | None, identity_token_file: Path | None, *, oob: bool) -> IdentitySource:
    from tidegate_publisher.adapters.identity import IdentitySource  # noqa: PLC0415 -- only for who signs

    interactive = sys.stdin.isatty() and sys.stderr.isatty()
    return IdentitySource(identity_token, identity_token_file, interactive, oob)


identity_options = group(
    "identity",
    _build,
    (
        click.option(
            "--identity-token",
            envvar="SIGSTORE_ID_TOKEN",
            show_envvar=True,
            metavar="JWT",
            help="Sign as this OIDC token says.  [default: the CI's own identity, else a browser]",
        ),
        click.option(
            "--identity-token-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The same out of a file, where process lists do not show it.",
        ),
        click.option("--oob", is_flag=True, help="Print a sign-in link rather than open a browser."),
    ),
    ("identity_token", "identity_token_file", "oob"),
)

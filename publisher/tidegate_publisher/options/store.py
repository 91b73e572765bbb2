"""--store: the database of what was collected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click


def usual_store() -> str:
    """The database when none is named: in the state directory of the service, or of the user."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(given) if given else Path(state) / "tidegate"
    return f"sqlite:///{folder / 'fleet.db'}"


store_option: Final = click.option(
    "--store",
    envvar="TIDEGATE_STORE",
    metavar="URL",
    default=usual_store,
    show_envvar=True,
    help="The collector's database: sqlite:///path or postgresql+psycopg://user@host/database.  "
    "[default: fleet.db in the state directory]",
)

"""The directory that the demo works in."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.devstack.demo.places import Places
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOCKET_PATH: Final = 100
"""How long the path of the agent's control socket may be: unix(7) has room for 107 bytes."""


@contextlib.contextmanager
def room(directory: Path | None) -> Iterator[Places]:
    """A directory to work in. Our own is removed, unless something failed: then its logs are wanted."""
    if directory is not None:
        yield Places(_empty(directory))
        return
    own = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    try:
        yield Places(_usable(own))
    except Exception:
        click.secho(f"what the programs said is in {own}", fg="yellow", err=True)
        raise
    except KeyboardInterrupt:
        shutil.rmtree(own, ignore_errors=True)
        raise
    shutil.rmtree(own, ignore_errors=True)


def _empty(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        full = any(directory.iterdir())
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"cannot work in {directory}: {error.strerror}") from error
    if full:
        raise TidegateError(Code.CONFIG_VALUE, f"--dir {directory} is not empty; name a new directory")
    return _usable(directory.resolve())


def _usable(directory: Path) -> Path:
    """Refuse a path that an image reference or a socket's address cannot hold."""
    places = Places(directory)
    parse_reference(f"oci:{places.images}:1")
    if len(str(places.runtime / "control.sock").encode()) > _SOCKET_PATH:
        raise TidegateError(
            Code.CONFIG_VALUE, f"{directory} is too long for a socket below it; choose a shorter"
        )
    return directory

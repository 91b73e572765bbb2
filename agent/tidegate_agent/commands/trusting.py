"""The commands about what is believed: device-key, refresh-root, verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_agent import device_key
from tidegate_agent.adapters import control_unix
from tidegate_agent.adapters.alone import alone
from tidegate_agent.commands.answer import Answer
from tidegate_agent.commands.parsing import add_command, configuration
from tidegate_agent.errors import ControlError
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands


def register(commands: Commands) -> None:
    """Add the commands."""
    key = add_command(commands, "device-key", _device_key, "the public key that verifies this host's events")
    key.add_argument("--create", action="store_true", help="make the key first; never replaces one")
    add_command(commands, "refresh-root", _refresh_root, "bring the trusted root up to date now")
    verify = add_command(commands, "verify", _verify, "verify an announcement as this host would")
    verify.add_argument("file", type=Path, help="a Sigstore bundle; - reads standard input")
    verify.add_argument("--follow", metavar="PRODUCT/CHANNEL", help="judge it as on this channel")


def _device_key(options: argparse.Namespace) -> Answer:
    settings = configuration(options).settings
    return Answer(device_key.create(settings) if options.create else device_key.describe(settings))


def _refresh_root(options: argparse.Namespace) -> Answer:
    from tidegate_agent import wiring  # noqa: PLC0415 - only needed by some commands

    settings = configuration(options).settings
    try:
        control_unix.ask(settings.state.runtime_directory, {"command": "refresh-root"})
    except ControlError as error:
        if error.code is not Code.CONTROL_UNREACHABLE:
            raise
        with alone(settings.state.directory):
            now = wiring.latest_known(settings)
            wiring.refresh_now(settings, now)
        return Answer(wiring.root_lines(settings, now))
    return Answer(["the running agent does so now; tidegate-agent status says what came of it"])


def _verify(options: argparse.Namespace) -> Answer:
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    settings = configuration(options).settings
    return Answer(wiring.judge(settings, options.follow, bundle(options.file)))


def bundle(file: Path) -> bytes:
    """A bundle's bytes, read up to one more than a bundle may have; `-` is standard input.

    Raises:
        TidegateError: CONFIG_MISSING, it cannot be read.
    """
    most = limits.STATEMENT_BYTES + 1
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    try:
        with file.open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"{file} cannot be read: {error.strerror}") from error

"""What the commands have in common: the way they are added to the parser, and `--config`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from tidegate_agent.commands.answer import Answer
from tidegate_agent.config import DIRECTORIES, Loaded, load
from tidegate_agent.config.scalars import parse_duration

COUNT_LIMIT: Final = 10_000
"""The most lines that anyone can ask for."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - its only name
Command: TypeAlias = Callable[[argparse.Namespace], Answer]


def add_command(commands: Commands, name: str, command: Command, text: str) -> argparse.ArgumentParser:
    """Add a command; its parser, for further arguments.

    Args:
        commands: where.
        name: what it is called by.
        command: what it does.
        text: one line of help, without capital and full stop.
    """
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    add_config(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command=command)
    return parser


def add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add `--config`, which may stand before and after the command.

    Args:
        parser: where.
        default: `argparse.SUPPRESS` after the command: absent there, it must not undo what stands before.
    """
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        metavar="PATH",
        default=default,
        help="a configuration file or directory instead of the system's; may be repeated, the last one wins",
    )


def count(text: str) -> int:
    """A number of lines to show.

    Raises:
        ArgumentTypeError: it is none, or too large.
    """
    if not text.isdecimal() or not 0 < int(text) <= COUNT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {COUNT_LIMIT}")
    return int(text)


def length(text: str) -> int:
    """A stretch of time such as `90m`, in seconds.

    Raises:
        ArgumentTypeError: it is none, or shorter than a second.
    """
    try:
        seconds = int(parse_duration(text).total_seconds())
    except ValueError:
        seconds = 0
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a stretch of time such as 90m, 1h30m or 2d")
    return seconds


def configuration(options: argparse.Namespace) -> Loaded:
    """The configuration that the command is to use.

    Raises:
        InvalidConfigError: it cannot be used.
    """
    return load(tuple(options.config) if options.config else DIRECTORIES)

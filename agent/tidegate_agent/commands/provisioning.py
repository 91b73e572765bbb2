"""The command that writes a host's configuration: enrol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.commands.answer import Answer
from tidegate_agent.commands.parsing import add_command
from tidegate_agent.config import DIRECTORIES

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands

NEXT: Final = (
    "next: systemctl enable --now tidegate-agent; where it runs already, systemctl restart tidegate-agent"
)


def register(commands: Commands) -> None:
    """Add the command."""
    enrol = add_command(
        commands, "enrol", _enrol, "write this host's configuration, from files, folders or user-data"
    )
    enrol.add_argument(
        "source",
        type=Path,
        nargs="+",
        help="settings in TOML or YAML, user-data with a tidegate key, documents of ConfigMaps and Secrets,"
        " or a folder with a file for each key",
    )
    enrol.add_argument(
        "--into", type=Path, default=DIRECTORIES[-1], metavar="DIR", help=f"default {DIRECTORIES[-1]}"
    )
    enrol.add_argument("--dry-run", action="store_true", help="check everything, write nothing")
    enrol.add_argument(
        "--force",
        action="store_true",
        help="also replace files that enrol did not write, or that were changed",
    )


def _enrol(options: argparse.Namespace) -> Answer:
    from tidegate_agent.enrolment.enrol import enrol  # noqa: PLC0415 - no other command reads YAML

    folder = options.into.absolute()
    standard = DIRECTORIES if folder in DIRECTORIES else ()
    done = enrol(
        options.source,
        folder,
        tuple(options.config or standard),
        dry_run=options.dry_run,
        force=options.force,
    )
    lines = [_heading(folder, changed=done.changed, dry_run=options.dry_run), *done.lines]
    if done.changed and not options.dry_run:
        lines.append(NEXT)
    return Answer(lines, [f"warning: {each}" for each in done.warnings])


def _heading(folder: Path, *, changed: bool, dry_run: bool) -> str:
    if not changed:
        return f"unchanged: {folder} holds all of it already"
    return f"would write {folder}; nothing was written" if dry_run else f"enrolled into {folder}"

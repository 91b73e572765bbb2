"""Stands in for bootc 1.16: the commands that an agent drives it by, on a Sysroot.

    bootc.py FOLDER status --format=json --format-version=1

It exits with 0 when all is well, 1 with `error: …` for any fault, 2 for an option that it does not know. What
its pulls do is in `bootc_pull`, what its status says in `bootc_status`. Where a test says so (`faults.json`)
it fails in the ways that bootc does.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.standins.bootc_pull import Progress, RefusalError, deployment_of, pull, say
from tests.support.standins.bootc_status import document, reference
from tests.support.standins.sysroot import Sysroot

if TYPE_CHECKING:
    from tests.support.standins.sysroot import Record


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the command line as clap does."""

    def error(self, message: str) -> NoReturn:
        words = message.removeprefix("unrecognized arguments: ").split()
        say(f"error: unexpected argument '{words[0]}' found\n\nUsage: {self.prog}", sys.stderr)
        sys.exit(2)


def parser(release: Record) -> Parser:
    """The options of this release. `--progress-fd` is hidden in all that have it."""
    top = Parser(prog="bootc", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    status = command(commands, "status")
    status.add_argument("--format", choices=["json"], required=True)
    status.add_argument("--format-version", type=int, choices=[0, 1], required=True)
    switch, upgrade = command(commands, "switch"), command(commands, "upgrade")
    for one in (switch, upgrade):
        one.add_argument("--quiet", action="store_true", help="Don't display progress")
        one.add_argument("--apply", action="store_true", help="Reboot. See also --from-downloaded.")
        one.add_argument("--soft-reboot", choices=["required", "auto"])
        if release.get("progress", True):
            one.add_argument("--progress-fd", type=int, help=argparse.SUPPRESS)
    if release.get("switch_locks"):
        switch.add_argument("--download-only", action="store_true")
    switch.add_argument("--transport", default="registry")
    switch.add_argument("target")
    if release.get("upgrade_locks", True):
        upgrade.add_argument("--download-only", action="store_true")
    if release.get("unlocks_offline", True):
        upgrade.add_argument("--from-downloaded", action="store_true")
    command(commands, "rollback").add_argument("--apply", action="store_true")
    command(commands, "edit").add_argument("--filename", type=Path, required=True)
    return top


def command(commands: Any, name: str) -> Parser:
    added = commands.add_parser(name, allow_abbrev=False)
    if not isinstance(added, Parser):
        raise TypeError
    return added


def main(sysroot: Sysroot, arguments: list[str]) -> int:
    sysroot.log("bootc", arguments)
    options = parser(sysroot.read("release.json")).parse_args(arguments)
    if getattr(options, "apply", False):
        signal.pause()  # the reboot is refused: it waits for ever
    fault = sysroot.take_fault(options.command)
    try:
        with sysroot.locked():
            return COMMANDS[options.command](sysroot, options, fault)
    except RefusalError as refusal:
        say(f"error: {refusal}", sys.stderr)
        return 1


def status(sysroot: Sysroot, _: argparse.Namespace, fault: Record) -> int:
    shown = json.dumps(document(sysroot))
    match fault.get("kind"):
        case "hang":
            signal.pause()
        case "error":
            raise RefusalError(fault["text"])
        case "garbage":
            shown = "Waiting for sysroot lock...\x1b[2K\n"
        case "truncated":
            shown = shown[: len(shown) // 2]
        case "flood":
            shown = " " * (8 * 2**20)
        case "document":
            shown = json.dumps(fault["document"])
    sys.stdout.write(shown)
    return 0


def switch(sysroot: Sysroot, options: argparse.Namespace, fault: Record) -> int:
    wanted = {"image": options.target, "transport": options.transport}
    if reference(sysroot.staged or sysroot.booted) == wanted:
        say("Image specification is unchanged.")
        return 0
    progress = Progress(getattr(options, "progress_fd", None))
    record = pull(sysroot, options.target, progress, fault)
    if fault.get("kind") == "staged-other":
        record = {**record, "reference": f"{record['reference'].partition('@')[0]}:other"}
    progress.staging(record["manifest"], fault)
    sysroot.stage(record, locked=getattr(options, "download_only", False))
    if fault.get("kind") == "killed-after":
        signal.raise_signal(signal.SIGKILL)
    say(f"Queued for next boot: {options.target}\n  Digest: {record['manifest']}")
    return 0


def upgrade(sysroot: Sysroot, options: argparse.Namespace, fault: Record) -> int:
    staged, only = sysroot.staged, getattr(options, "download_only", False)
    if getattr(options, "from_downloaded", False):
        if staged is None:
            raise RefusalError("Upgrading: No staged deployment found")
        settle(sysroot, fault, locked=False)
        return 0
    source = staged or sysroot.booted
    if source.get("incompatible"):
        raise RefusalError(
            "Upgrading: Deployment contains local rpm-ostree modifications; cannot upgrade via bootc."
        )
    # Even what is pinned and staged is asked for at the registry.
    record = deployment_of(sysroot, source["reference"], "Upgrading")
    if staged and record["manifest"] == staged["manifest"]:
        settle(sysroot, fault, locked=only)
    else:
        say("No update available.")
    return 0


def settle(sysroot: Sysroot, fault: Record, *, locked: bool) -> None:
    if fault.get("kind") == "error":
        raise RefusalError(fault["text"])
    if fault.get("kind") == "replaced":
        staged = sysroot.staged or {}
        sysroot.stage({**staged, "reference": fault["reference"]}, locked=locked)
    elif fault.get("kind") != "no-effect":
        sysroot.set_locked(locked=locked)


def rollback(sysroot: Sysroot, _: argparse.Namespace, fault: Record) -> int:
    if fault.get("kind") == "error":
        raise RefusalError(fault["text"])
    if fault.get("kind") == "no-effect":
        return 0
    toggle(sysroot)
    if fault.get("kind") == "killed-after":
        signal.raise_signal(signal.SIGKILL)
    return 0


def toggle(sysroot: Sysroot) -> None:
    try:
        sysroot.swap()
    except ValueError as error:
        raise RefusalError(f"Rollback: {error}") from error
    say(f"Next boot: {'rollback' if sysroot.rollback_queued else 'current'} deployment")


def edit(sysroot: Sysroot, options: argparse.Namespace, _: Record) -> int:
    try:
        wanted = json.loads(options.filename.read_text())["spec"]
    except OSError as error:
        raise RefusalError(f"Editing spec: {error.strerror}") from error
    spec = document(sysroot)["spec"]
    if wanted == spec:
        say("Edit cancelled, no changes made.")
        return 0
    if wanted["bootOrder"] == spec["bootOrder"]:
        raise AssertionError("the agent edits the boot order only")
    if wanted["image"] != spec["image"]:
        raise RefusalError("Editing spec: Invalid state transition: rollback and image change")
    toggle(sysroot)
    return 0


COMMANDS = {"status": status, "switch": switch, "upgrade": upgrade, "rollback": rollback, "edit": edit}

if __name__ == "__main__":
    sys.exit(main(Sysroot(Path(sys.argv[1])), sys.argv[2:]))

"""The commands by which a person at the host steers an update: they ask the running agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.adapters import control_unix
from tidegate_agent.commands.answer import Answer
from tidegate_agent.commands.parsing import add_command, configuration, length

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands


def register(commands: Commands) -> None:
    """Add the commands."""
    approve = add_command(commands, "approve", _approve, "let the waiting update go on")
    approve.add_argument("--now", action="store_true", help="also without waiting for the window")
    approve.add_argument("--for", type=length, dest="length", metavar="2h", help="how long it counts")
    approve.add_argument("--quarantined", metavar="DIGEST", help="lift the quarantine of this digest instead")
    snooze = add_command(commands, "snooze", _snooze, "put the update that is in progress off for a while")
    snooze.add_argument("--for", type=length, dest="length", metavar="1h", help="how long (default 1h)")
    rollback = add_command(commands, "rollback", _rollback, "return to the previous image and stay there")
    cancel = add_command(commands, "cancel", _cancel, "drop the update that is in progress")
    hold = add_command(commands, "hold", _hold, "begin no update until resume; one past activation goes on")
    resume = add_command(commands, "resume", _resume, "end a hold, an operator's too")
    for each in (approve, snooze, rollback, cancel, hold, resume):
        each.add_argument("follow", nargs="?", metavar="PRODUCT/CHANNEL", help="needed if there are several")
    for each in (rollback, cancel, hold):
        each.add_argument("--reason", default="", help="why, for those who read the events")


def _ask(options: argparse.Namespace, command: str, **arguments: object) -> dict[str, object]:
    request = {"command": command, "follow": options.follow, **arguments}
    return control_unix.ask(configuration(options).settings.state.runtime_directory, request)


def _approve(options: argparse.Namespace) -> Answer:
    if options.quarantined:
        answer = _ask(options, "pardon", digest=options.quarantined)
        return Answer([f"{answer['digest']} is out of quarantine; the next statement for it is acted upon"])
    answer = _ask(options, "approve", now=options.now, seconds=options.length)
    waits = f"; it still waits: {answer['waits']}" if answer["waits"] else ""
    return Answer([f"{answer['follow']}: {answer['digest']} is approved{waits}"])


def _snooze(options: argparse.Namespace) -> Answer:
    answer = _ask(options, "snooze", seconds=options.length)
    return Answer([f"{answer['follow']}: {answer['digest']} is put off until {answer['until']}"])


def _rollback(options: argparse.Namespace) -> Answer:
    answer = _ask(options, "rollback", reason=options.reason)
    return Answer([f"{answer['follow']}: returning to the previous image"])


def _cancel(options: argparse.Namespace) -> Answer:
    answer = _ask(options, "cancel", reason=options.reason)
    return Answer([f"{answer['follow']}: the update is dropped"])


def _hold(options: argparse.Namespace) -> Answer:
    answer = _ask(options, "hold", reason=options.reason)
    return Answer([f"{answer['follow']}: held; tidegate-agent resume lets it go on"])


def _resume(options: argparse.Namespace) -> Answer:
    answer = _ask(options, "resume")
    return Answer([f"{answer['follow']}: not held any more"])

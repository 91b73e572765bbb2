"""The commands that only show: status, history, check-config, windows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate_agent import views
from tidegate_agent.adapters import control_unix
from tidegate_agent.commands.answer import FAILED, OK, Answer
from tidegate_agent.commands.parsing import add_command, configuration, count
from tidegate_agent.config import explain, host_zone, warnings
from tidegate_agent.config.words import trust_lines
from tidegate_agent.errors import ControlError
from tidegate_schemas.codes import Code
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands
    from tidegate_agent.config import Settings


def register(commands: Commands) -> None:
    """Add the commands."""
    status = add_command(commands, "status", _status, "what runs, what waits, for what, until when")
    status.add_argument("--json", action="store_true", help="as the JSON that operators see")
    history = add_command(commands, "history", _history, "what happened on this host, newest last")
    history.add_argument("--limit", type=count, default=50, metavar="N", help="how many events (default 50)")
    history.add_argument("--json", action="store_true", help="as JSON lines, one CloudEvent each")
    check = add_command(
        commands, "check-config", _check_config, "what is in force, and where each value came from"
    )
    check.add_argument("--json", action="store_true", help="as JSON")
    windows = add_command(commands, "windows", _windows, "the maintenance windows to come")
    windows.add_argument(
        "--next", type=count, default=5, metavar="N", dest="count", help="how many (default 5)"
    )


def _status(options: argparse.Namespace) -> Answer:
    settings = configuration(options).settings
    broker = None
    try:
        answer = control_unix.ask(settings.state.runtime_directory, {"command": "status"})
        status, running = HostStatus.model_validate_json(json.dumps(answer["status"])), True
        broker = answer.get("broker")
    except ControlError as error:
        if error.code is not Code.CONTROL_UNREACHABLE:
            raise
        status, running = _status_at_rest(settings), False
    if options.json:
        return Answer([status.to_json().decode()])
    return Answer(views.status_lines(status, running=running, broker=broker))


def _status_at_rest(settings: Settings) -> HostStatus:
    from tidegate_agent import wiring  # noqa: PLC0415 - only needed where no agent runs

    return wiring.status_at_rest(settings, Presence.OFFLINE)


def _history(options: argparse.Namespace) -> Answer:
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    journal = wiring.open_journal(configuration(options).settings)
    try:
        events = list(journal.history(options.limit))[::-1]
    finally:
        journal.close()
    return Answer(event.to_json().decode() if options.json else views.history_line(event) for event in events)


def _check_config(options: argparse.Namespace) -> Answer:
    loaded = configuration(options)
    loaded.settings.schedule(host_zone()).require_opening(datetime.now(UTC))
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    now = max(datetime.now(UTC), loaded.settings.trust.clock_floor or datetime.min.replace(tzinfo=UTC))
    lines = [*explain(loaded), *trust_lines(loaded.settings), *wiring.root_lines(loaded.settings, now)]
    notes = [f"warning: {warning}" for warning in warnings(loaded)]
    return Answer([json.dumps(lines)] if options.json else lines, notes)


def _windows(options: argparse.Namespace) -> Answer:
    zone, now = host_zone(), datetime.now(UTC)
    openings = configuration(options).settings.schedule(zone).upcoming(now, options.count)
    if not openings:
        return Answer(notes=["no window opens within a year"], status=FAILED)
    return Answer([views.opening_line(opening, zone, now) for opening in openings], status=OK)

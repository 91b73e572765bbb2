"""The `tidegate-agent` command. The only place that exits, and the only one that prints."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_agent import device_key, views
from tidegate_agent.adapters import control_unix, logs, sd_notify
from tidegate_agent.adapters.alone import alone
from tidegate_agent.config import DIRECTORIES, InvalidConfigError, Loaded, explain, host_zone, load, warnings
from tidegate_agent.config.words import trust_lines
from tidegate_agent.errors import ControlError
from tidegate_schemas import __version__, limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.config import Settings

OK: Final = 0
FAILED: Final = 1

COUNT_LIMIT: Final = 10_000
"""The most lines that anyone can ask for."""

DESCRIPTION: Final = """\
Keeps this host at the image that its release channel stands at: hears signed announcements over MQTT,
verifies them, stages the image, activates it in the maintenance window, proves it healthy or goes back.
"""

EPILOG: Final = """\
exit status: 0 done, 1 failed or refused (the code says why), 2 wrong usage.
configuration: agent.toml and agent.toml.d/*.toml in /etc/tidegate, /run/tidegate, /usr/lib/tidegate.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(argv)
    try:
        result: int = options.command(options)
    except InvalidConfigError as error:
        print(error.reason, file=sys.stderr)
        return FAILED
    except TidegateError as error:
        print(f"tidegate-agent: {error.reason}\n  [{error.code}] {error.remedy}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader (head, less) had enough.
        sys.stderr.close()
        return OK
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate-agent",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tidegate-agent {__version__}")
    _add_config(parser, default=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "run", _run, "work until stopped (what the service does)")
    status = _add(commands, "status", _status, "what runs, what waits, for what, until when")
    status.add_argument("--json", action="store_true", help="as the JSON that operators see")
    history = _add(commands, "history", _history, "what happened on this host, newest last")
    history.add_argument("--limit", type=_count, default=50, metavar="N", help="how many events (default 50)")
    history.add_argument("--json", action="store_true", help="as JSON lines, one CloudEvent each")
    check = _add(commands, "check-config", _check_config, "what is in force, and where each value came from")
    check.add_argument("--json", action="store_true", help="as JSON")
    windows = _add(commands, "windows", _windows, "the maintenance windows to come")
    windows.add_argument(
        "--next", type=_count, default=5, metavar="N", dest="count", help="how many (default 5)"
    )
    _add_local_commands(commands)
    key = _add(commands, "device-key", _device_key, "the public key that verifies this host's events")
    key.add_argument("--create", action="store_true", help="make the key first; never replaces one")
    _add(commands, "refresh-root", _refresh_root, "bring the trusted root up to date now")
    verify = _add(commands, "verify", _verify, "verify an announcement as this host would")
    verify.add_argument("file", type=Path, help="a Sigstore bundle; - reads standard input")
    verify.add_argument("--follow", metavar="PRODUCT/CHANNEL", help="judge it as on this channel")
    return parser


def _add_local_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    approve = _add(commands, "approve", _approve, "let the waiting update go on")
    approve.add_argument("--now", action="store_true", help="also without waiting for the window")
    approve.add_argument("--quarantined", metavar="DIGEST", help="lift the quarantine of this digest instead")
    rollback = _add(commands, "rollback", _rollback, "return to the previous image and stay there")
    cancel = _add(commands, "cancel", _cancel, "drop the update that is in progress")
    hold = _add(commands, "hold", _hold, "begin no update until resume; one past activation goes on")
    resume = _add(commands, "resume", _resume, "end a hold, an operator's too")
    for each in (approve, rollback, cancel, hold, resume):
        each.add_argument("follow", nargs="?", metavar="PRODUCT/CHANNEL", help="needed if there are several")
    for each in (rollback, cancel, hold):
        each.add_argument("--reason", default="", help="why, for those who read the events")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    _add_config(parser, default=argparse.SUPPRESS)
    parser.set_defaults(command=command)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    # Before and after the command; absent after it, it must not undo what stands before.
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        metavar="PATH",
        default=default,
        help="a configuration file or directory instead of the system's; may be repeated, the last one wins",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= COUNT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {COUNT_LIMIT}")
    return int(text)


def _load(options: argparse.Namespace) -> Loaded:
    return load(tuple(options.config) if options.config else DIRECTORIES)


def _run(options: argparse.Namespace) -> int:
    from tidegate_agent import wiring  # noqa: PLC0415 - the other commands need none of the adapters

    loaded = _load(options)
    settings = loaded.settings
    logs.configure(settings.log.level, settings.log.format)
    for warning in warnings(loaded):
        logger.warning("{}", warning)
    with alone(settings.state.directory):
        agent = wiring.build(settings)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: agent.stop())
        logger.info("tidegate-agent {} begins", __version__)
        agent.run(ready=lambda: sd_notify.notify("READY=1"))
    logger.info("tidegate-agent ends")
    return OK


def _status(options: argparse.Namespace) -> int:
    settings = _load(options).settings
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
        print(status.to_json().decode())
    else:
        print(*views.status_lines(status, running=running, broker=broker), sep="\n")
    return OK


def _status_at_rest(settings: Settings) -> HostStatus:
    from tidegate_agent import wiring  # noqa: PLC0415 - only needed where no agent runs

    return wiring.status_at_rest(settings, Presence.OFFLINE)


def _history(options: argparse.Namespace) -> int:
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    journal = wiring.open_journal(_load(options).settings)
    try:
        events = list(journal.history(options.limit))[::-1]
    finally:
        journal.close()
    for event in events:
        print(event.to_json().decode() if options.json else views.history_line(event))
    return OK


def _check_config(options: argparse.Namespace) -> int:
    loaded = _load(options)
    loaded.settings.schedule(host_zone()).require_opening(datetime.now(UTC))
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    now = max(datetime.now(UTC), loaded.settings.trust.clock_floor or datetime.min.replace(tzinfo=UTC))
    lines = [*explain(loaded), *trust_lines(loaded.settings), *wiring.root_lines(loaded.settings, now)]
    print(json.dumps(lines) if options.json else "\n".join(lines))
    for warning in warnings(loaded):
        print(f"warning: {warning}", file=sys.stderr)
    return OK


def _windows(options: argparse.Namespace) -> int:
    zone, now = host_zone(), datetime.now(UTC)
    openings = _load(options).settings.schedule(zone).upcoming(now, options.count)
    for opening in openings:
        print(views.opening_line(opening, zone, now))
    if not openings:
        print("no window opens within a year", file=sys.stderr)
    return OK if openings else FAILED


def _ask(options: argparse.Namespace, command: str, **arguments: object) -> dict[str, object]:
    request = {"command": command, "follow": options.follow, **arguments}
    return control_unix.ask(_load(options).settings.state.runtime_directory, request)


def _approve(options: argparse.Namespace) -> int:
    if options.quarantined:
        answer = _ask(options, "pardon", digest=options.quarantined)
        print(f"{answer['digest']} is out of quarantine; the next statement for it is acted upon")
    else:
        answer = _ask(options, "approve", now=options.now)
        waits = f"; it still waits: {answer['waits']}" if answer["waits"] else ""
        print(f"{answer['follow']}: {answer['digest']} is approved{waits}")
    return OK


def _rollback(options: argparse.Namespace) -> int:
    answer = _ask(options, "rollback", reason=options.reason)
    print(f"{answer['follow']}: returning to the previous image")
    return OK


def _cancel(options: argparse.Namespace) -> int:
    answer = _ask(options, "cancel", reason=options.reason)
    print(f"{answer['follow']}: the update is dropped")
    return OK


def _refresh_root(options: argparse.Namespace) -> int:
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    settings = _load(options).settings
    try:
        control_unix.ask(settings.state.runtime_directory, {"command": "refresh-root"})
    except ControlError as error:
        if error.code is not Code.CONTROL_UNREACHABLE:
            raise
        with alone(settings.state.directory):
            now = wiring.latest_known(settings)
            wiring.refresh_now(settings, now)
        print(*wiring.root_lines(settings, now), sep="\n")
    else:
        print("the running agent does so now; tidegate-agent status says what came of it")
    return OK


def _hold(options: argparse.Namespace) -> int:
    answer = _ask(options, "hold", reason=options.reason)
    print(f"{answer['follow']}: held; tidegate-agent resume lets it go on")
    return OK


def _resume(options: argparse.Namespace) -> int:
    answer = _ask(options, "resume")
    print(f"{answer['follow']}: not held any more")
    return OK


def _verify(options: argparse.Namespace) -> int:
    from tidegate_agent import wiring  # noqa: PLC0415 - as above

    settings = _load(options).settings
    for line in wiring.judge(settings, options.follow, _bundle(options.file)):
        print(line)
    return OK


def _device_key(options: argparse.Namespace) -> int:
    settings = _load(options).settings
    print(*(device_key.create(settings) if options.create else device_key.describe(settings)), sep="\n")
    return OK


def _bundle(file: Path) -> bytes:
    most = limits.STATEMENT_BYTES + 1
    if str(file) == "-":
        return sys.stdin.buffer.read(most)
    try:
        with file.open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"{file} cannot be read: {error.strerror}") from error

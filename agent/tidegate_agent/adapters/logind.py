"""What systemd-logind says: who blocks a shutdown, and who is logged in. org.freedesktop.login1(5).

It is asked through busctl. `loginctl` and `systemd-inhibit --list` have no JSON in Debian 12's systemd (252),
or not for all that is needed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from tidegate_agent.process import printable, run

_LOGIND: Final = "org.freedesktop.login1"
_CALL: Final = (
    "busctl",
    "--json=short",
    "call",
    _LOGIND,
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
)

LIST_INHIBITORS: Final = (*_CALL, "ListInhibitors")
LIST_SESSIONS: Final = (*_CALL, "ListSessions")
SHOW_SESSION: Final = ("busctl", "--json=short", "get-property", _LOGIND)

_PROPERTIES: Final = ("org.freedesktop.login1.Session", "Class", "State", "TTY")
_PATH: Final = re.compile(r"/org/freedesktop/login1/session/[A-Za-z0-9_]{1,128}")
TIMEOUT_S: Final = 15.0
_LIST_BYTES: Final = 1024 * 1024
_NAME_CHARACTERS: Final = 64

LOOKED_AT: Final = 32
"""Sessions that are looked at closely; whatever else there is counts as people."""


@dataclass(frozen=True, slots=True)
class LogindCommands:
    """The programs that it is asked with, each without a shell.

    Attributes:
        list_inhibitors: prints logind's inhibitors, as busctl does.
        list_sessions: prints its sessions.
        show_session: prints properties of one: a path, an interface and names follow.
    """

    list_inhibitors: Sequence[str] = LIST_INHIBITORS
    list_sessions: Sequence[str] = LIST_SESSIONS
    show_session: Sequence[str] = SHOW_SESSION


class Logind:
    """Whatever cannot be told is told as a hindrance: it fails closed, in words.

    Args:
        commands: what is run.
        timeout_s: for each list, and for a closer look at all sessions, in seconds.
    """

    def __init__(self, commands: LogindCommands, timeout_s: float = TIMEOUT_S) -> None:
        self._commands = commands
        self._timeout_s = timeout_s

    def blocks(self) -> list[str]:
        """Whoever blocks shutdown, one sentence each."""
        try:
            return parse_inhibitors(_answer(self._commands.list_inhibitors, self._timeout_s))
        except (OSError, ValueError) as error:
            return [f"logind does not say who inhibits shutdown: {error}"]

    def sessions(self) -> list[str]:
        """Whoever is logged in: `alice on pts/1`."""
        try:
            listed = parse_sessions(_answer(self._commands.list_sessions, self._timeout_s))
        except (OSError, ValueError) as error:
            return [f"perhaps somebody: logind does not say who ({error})"]
        deadline = time.monotonic() + self._timeout_s
        looked = [self._person(user, seat, path, deadline) for user, seat, path in listed[:LOOKED_AT]]
        rest = len(listed) - LOOKED_AT
        more = [f"{rest} more sessions"] if rest > 0 else []
        return [each for each in looked if each is not None] + more

    def _person(self, user: str, seat: str, path: str, deadline: float) -> str | None:
        """The person of a session; None when there is none: a greeter, a timer's job, one who has left."""
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                return _at(user, seat)
            argv = (*self._commands.show_session, path, *_PROPERTIES)
            kind, state, tty = _properties(_answer(argv, left))
        except (OSError, ValueError):
            # It may have ended just now: the next look tells.
            return _at(user, seat)
        if not kind.startswith("user") or state == "closing":
            return None
        return _at(user, tty or seat)


def _answer(argv: Sequence[str], timeout_s: float) -> str:
    """What a command prints.

    Raises:
        OSError: it cannot be run.
        ValueError: it failed, or took too long.
    """
    finished = run(argv, timeout_s, output_bytes=_LIST_BYTES)
    if finished.status != 0:
        raise ValueError(finished.output[-200:] or "no answer")
    return finished.output


def parse_inhibitors(text: str) -> list[str]:
    """Whoever blocks shutdown, out of busctl's JSON for ListInhibitors: a(ssssuu).

    Raises:
        ValueError: when it is something else.
    """
    try:
        [inhibitors] = json.loads(text)["data"]
        return [_sentence(*entry) for entry in inhibitors if _blocks_shutdown(*entry)]
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"unexpected answer {text[:80]!r}") from error


def parse_sessions(text: str) -> list[tuple[str, str, str]]:
    """User, seat and object path of each session, out of busctl's JSON for ListSessions: a(susso).

    Raises:
        ValueError: when it is something else.
    """
    try:
        [sessions] = json.loads(text)["data"]
        found = [(str(user), str(seat), str(path)) for _, _, user, seat, path in sessions]
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"unexpected answer {text[:80]!r}") from error
    if not all(_PATH.fullmatch(path) for _, _, path in found):
        raise ValueError(f"unexpected answer {text[:80]!r}")
    return found


def _properties(text: str) -> list[str]:
    """The three properties that were asked for: busctl prints each on a line of its own."""
    try:
        values = [json.loads(line)["data"] for line in text.splitlines()]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("unexpected answer") from error
    if len(values) != len(_PROPERTIES) - 1 or not all(isinstance(each, str) for each in values):
        raise ValueError("unexpected answer")
    return values


def _at(user: str, place: str) -> str:
    name = printable(user.encode(errors="replace"))[:_NAME_CHARACTERS]
    where = printable(place.encode(errors="replace"))[:_NAME_CHARACTERS]
    return f"{name} on {where}" if where else name


def _blocks_shutdown(what: str, _who: str, _why: str, mode: str, *_: Any) -> bool:  # noqa: ANN401 # uid and pid
    # "delay" only asks for seconds, which logind itself grants; "block-weak" does not bind root, but a person
    # who logged in and asked for quiet is meant by it.
    return "shutdown" in what.split(":") and mode in {"block", "block-weak"}


def _sentence(_what: str, who: str, why: str, _mode: str, uid: int, pid: int) -> str:
    return (
        f"{printable(who.encode(errors='replace'))} (user {uid}, process {pid}) blocks shutdown: "
        + printable(why.encode(errors="replace"))
    )

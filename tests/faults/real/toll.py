"""Every call of an agent to the outside, numbered, so that a process can be ended right before or after one.

A boundary has a name that says what is done, and its number where it is not the first of that name:

    journal.commit staged, before
    bus.publish succeeded, after
    bus.publish status, before #2

So a boundary is found again in another life, even where the threads took turns in another way.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from tidegate_schemas import events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tidegate_agent.model import Outgoing
    from tidegate_agent.records import Change
    from tidegate_agent.wiring import Outside


class Toll:
    """Writes down each boundary that the process reaches, and sends it a signal at one of them.

    Args:
        record: a file, to which a line is added for each boundary, before anything else happens there.
        at: the name of the boundary; none if empty.
        signal: what is sent there.
    """

    def __init__(self, record: Path, at: str, signal: int) -> None:
        self._file = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._at = at
        self._signal = signal
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, what: str) -> None:
        """The process is at a boundary. Thread-safe."""
        with self._lock:
            self._seen[what] += 1
            count = self._seen[what]
            name = what if count == 1 else f"{what} #{count}"
            os.write(self._file, f"{name}\n".encode())
            if name == self._at:
                os.kill(os.getpid(), self._signal)


class Tolled:
    """A port whose calls are each between two boundaries.

    Args:
        port: does the work.
        name: of the port.
        toll: is told.
        calls: by name, which calls count, and what is said of one in the boundary's name.
    """

    def __init__(self, port: object, name: str, toll: Toll, calls: Mapping[str, Callable[..., str]]) -> None:
        self._port = port
        self._name = name
        self._toll = toll
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        plain = getattr(self._port, name)
        words = self._calls.get(name)
        if words is None:
            return plain

        def call(*arguments: Any, **more: Any) -> Any:
            what = f"{self._name}.{name} {words(*arguments, **more)}".strip()
            self._toll.reach(f"{what}, before")
            try:
                return plain(*arguments, **more)
            finally:
                self._toll.reach(f"{what}, after")

        return call


def tolled(outside: Outside, toll: Toll) -> Outside:
    """The adapters of an agent, each call that changes something out there between two boundaries."""

    def wrapped(port: object, name: str, *silent: str, **spoken: Callable[..., str]) -> Any:
        return Tolled(port, name, toll, {**dict.fromkeys(silent, _nothing), **spoken})

    images = tuple(
        replace(
            each,
            engine=wrapped(each.engine, "engine", "stage", "activate", "rollback", "discard"),
            health=wrapped(each.health, "health", "run"),
            guard=wrapped(each.guard, "guard", "arm", "disarm"),
        )
        for each in outside.images
    )
    return replace(
        outside,
        journal=wrapped(outside.journal, "journal", "begin", "end", "sent", "close", commit=_change),
        bus=wrapped(outside.bus, "bus", "start", "stop", "resubscribe", publish=_message),
        verifier=wrapped(outside.verifier, "verifier", "verify"),
        reverifier=wrapped(outside.reverifier, "reverifier", "verify"),
        host=wrapped(outside.host, "host", "reboot"),
        images=images,
    )


def _nothing(*_: object, **__: object) -> str:
    return ""


def _change(change: Change) -> str:
    state = [] if change.state is None else [type(change.state).__name__.lower()]
    told = [f"+{event.data.step}" for event in change.events]
    return " ".join([*state, *told]) or "facts"


def _message(message: Outgoing) -> str:
    if message.token < 0:
        return "status"
    return str(events.decode(message.payload, cast("Any", message.properties)).data.step)

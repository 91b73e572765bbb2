"""The service: the agent, and before it the room in which it waits for its disk."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from tidegate_agent.adapters import sd_notify
from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_agent.adapters.journal_safeguard import Safeguard
from tidegate_agent.adapters.journal_sqlite import SAFEGUARD_NAME
from tidegate_agent.waiting_room import WaitingRoom
from tidegate_agent.wiring.agent import put_together
from tidegate_agent.wiring.metrics import tellers_while_waiting
from tidegate_agent.wiring.outside import bus_of, outside_of
from tidegate_agent.wiring.values import host_of, open_journal, profile_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from tidegate_agent.config import Settings
    from tidegate_agent.ports import Journal
    from tidegate_agent.wiring.agent import Agent
    from tidegate_agent.wiring.metrics import Teller


class Service:
    """What `tidegate-agent run` does. `run` blocks until `stop`, which is safe in a signal handler."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A simple queue takes something in a signal handler, too; an event may not (queue.SimpleQueue).
        self._ends: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended = False
        self._agent: Agent | None = None

    def run(self, ready: Callable[[], None]) -> None:
        """Wait for the disk if need be, then work until stopped.

        Raises:
            TidegateError: a setting that only shows its fault here.
        """
        settings = self._settings
        room = WaitingRoom(
            bus_of(settings),
            settings.bus.topics,
            profile_of(settings, host_of(settings)),
            SystemClock(),
            Safeguard(settings.state.directory / SAFEGUARD_NAME).starts(),
        )
        journal = self._journal(room)
        if journal is None:
            return
        outside = outside_of(settings, journal)
        self._agent = put_together(settings, outside)
        if self._ended:
            self._agent.stop()
        self._agent.run(ready, room.waited())

    def stop(self) -> None:
        """Ask `run` to end."""
        self._ended = True
        self._ends.put(None)
        if self._agent is not None:
            self._agent.stop()

    def _journal(self, room: WaitingRoom) -> Journal | None:
        control: ControlServer | None = None
        tellers: tuple[Teller, ...] = ()

        def pause(length: timedelta) -> bool:
            nonlocal control, tellers
            if control is None:
                control = ControlServer(self._settings.state.runtime_directory, room.answer)
                control.start()
                tellers = tellers_while_waiting(self._settings, room.census)
                for teller in tellers:
                    teller.start()
                sd_notify.notify("READY=1\nSTATUS=The journal cannot be used; nothing is done until it can")
            return self._goes_on(length)

        try:
            return room.wait(lambda: open_journal(self._settings, mends=True), pause)
        finally:
            for teller in tellers:
                teller.stop()
            if control is not None:
                control.stop()
                sd_notify.notify("STATUS=")

    def _goes_on(self, length: timedelta) -> bool:
        try:
            self._ends.get(timeout=length.total_seconds())
        except queue.Empty:
            return True
        return False

"""The order of events: what is done, and what has to be observed before the next thing is done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.demo.attacker import Attacker
from tidegate_publisher.devstack.demo.board import Board
from tidegate_publisher.devstack.demo.checklist import Facts, Key, holds, missing
from tidegate_publisher.devstack.demo.observation import EventHeard, StatementHeard, StatusHeard
from tidegate_publisher.devstack.demo.samples import VERSION_FILE
from tidegate_publisher.devstack.demo.watcher import Watcher
from tidegate_publisher.devstack.demo.world import World, current_digest
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_publisher.devstack.demo.observation import Observation

PATIENCE_S: Final = 40.0
"""How long an observation may take before the demo has failed, in seconds."""

WINDOW_S: Final = (12, 45)
"""How soon the window may open after the host was given it, at least and at most, in seconds."""


class NotObservedError(Exception):
    """What has to be observed did not come."""


@dataclass(slots=True)
class Story:
    """One run of the demo.

    Attributes:
        world: what runs.
        watcher: what is heard.
        board: what is shown.
        facts: what observations are compared with; grows as the story goes on.
        patience_s: how long an observation may take before the demo has failed, in seconds.
    """

    world: World
    watcher: Watcher
    board: Board
    facts: Facts
    patience_s: float = PATIENCE_S

    def run(self) -> list[Key]:
        """Tell it; what was not observed.

        Raises:
            TidegateError: a program of the demo failed.
        """
        try:
            pace = self._first_release()
            opens = self._second_release(pace)
            self._attacks()
            self._window(opens)
            self._third_release()
        except NotObservedError:
            pass
        finally:
            self.facts = replace(self.facts, current=current_digest(self.world.places, self.facts.digests))
        self.board.do("")
        return missing(self.watcher.seen, self.facts)

    def _first_release(self) -> float:
        """Seconds that it took, from the command to the running image."""
        self._observe(Key.ONLINE, self._start_agent)
        began = self.board.clock()
        self._observe(Key.V1_RUNS, lambda: self._announce("1"))
        return self.board.clock() - began

    def _second_release(self, pace: float) -> datetime:
        # The window has to open when v2 is staged, and not much later: so much depends on the machine.
        least, most = WINDOW_S
        opens = datetime.now(UTC) + timedelta(seconds=min(max(3 * pace, least), most))
        opens = opens.replace(microsecond=0) + timedelta(seconds=1)
        self.board.begin(Key.V2_WAITS)
        self.board.do(f"give the host a maintenance window at {opens:%H:%M:%S} UTC, restart the agent")
        self.world.stop_agent()
        self._require(Key.V2_WAITS, lambda seen: _presence(seen) is Presence.OFFLINE)
        self.world.give_window(opens)
        self.world.start_agent()
        self._require(Key.V2_WAITS, lambda seen: _presence(seen) is Presence.ONLINE)
        self._observe(Key.V2_WAITS, lambda: self._announce("2"))
        return opens

    def _attacks(self) -> None:
        attacker = Attacker(self.world)
        first, second = _genuine(self.watcher.seen)[:2]
        self._attack(Key.FORGED, "an attacker announces, signed by a fork of the repository", attacker.forge)
        self._attack(
            Key.ALTERED, "an attacker announces v2 with another content", lambda: attacker.alter(second)
        )
        self._attack(Key.REPLAYED, "an attacker announces v1 again", lambda: attacker.replay(first))

    def _attack(self, key: Key, text: str, send: Callable[[], str]) -> None:
        self.board.do(text)
        self.board.begin(key)
        self.facts.hostile[key] = send()
        self._observe(key, lambda: None)

    def _window(self, opens: datetime) -> None:
        left = (opens - datetime.now(UTC)).total_seconds()
        self.board.do(f"wait for the window at {opens:%H:%M:%S} UTC")
        self._observe(Key.V2_RUNS, lambda: None, max(left, 0))

    def _third_release(self) -> None:
        self._observe(Key.V3_BACK, lambda: self._announce("3"))
        self.board.do("see what is current on the host's disk")
        digests = self.facts.digests
        self.board.begin(Key.V3_QUARANTINED)
        # Event and status are two messages: the disk is looked at once the host has said both.
        self._require(Key.V3_QUARANTINED, lambda seen: _quarantined(seen, digests["3"]))
        self.facts = replace(self.facts, current=current_digest(self.world.places, digests))
        self._observe(Key.V3_QUARANTINED, lambda: None)

    def _start_agent(self) -> None:
        self.board.do("tidegate-agent run")
        self.world.start_agent()

    def _announce(self, version: str) -> None:
        self.board.do(f"tidegate announce release.yaml --image oci:images:{version} --version {version}")
        self.world.announce(version)

    def _observe(self, key: Key, act: Callable[[], None], more_s: float = 0.0) -> None:
        """Do something, and wait until the check holds."""
        self.board.begin(key)
        act()
        self._require(key, lambda seen: holds(key, seen, self.facts), more_s)
        self.board.done(key, self._note(key))

    def _require(
        self, key: Key, reached: Callable[[Sequence[Observation]], bool], more_s: float = 0.0
    ) -> None:
        """Wait until that was heard, for so much longer than usual; give up the story when it was not."""
        patience_s = self.patience_s + more_s
        if self.watcher.wait_for(reached, patience_s):
            return
        self.world.require_agent()
        self.board.fail(key, f"not observed within {patience_s:.0f} s")
        raise NotObservedError

    def _note(self, key: Key) -> str:
        events = [one.event.data for one in self.watcher.seen if isinstance(one, EventHeard)]
        if key in self.facts.hostile or key is Key.V3_BACK:
            return next((f"[{one.code}]" for one in reversed(events) if one.code), "")
        if key is Key.V3_QUARANTINED:
            version = (self.world.places.running / VERSION_FILE).read_text().strip()
            return f"current is v{version}"
        if key is Key.V2_WAITS:
            return next((f"until {one.until:%H:%M:%S}" for one in reversed(events) if one.until), "")
        return ""


def _presence(seen: Sequence[Observation]) -> Presence | None:
    return next((one.status.presence for one in reversed(seen) if isinstance(one, StatusHeard)), None)


def _quarantined(seen: Sequence[Observation], digest: str) -> bool:
    told = [one.status for one in seen if isinstance(one, StatusHeard)]
    return bool(told) and any(digest in follow.quarantined for follow in told[-1].follows)


def _genuine(seen: Sequence[Observation]) -> list[bytes]:
    """The messages on the channel until now: all of them the release job's."""
    return list(dict.fromkeys(one.payload for one in seen if isinstance(one, StatementHeard)))

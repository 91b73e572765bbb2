"""A host of a world: it boots when it was asked to, comes up again when it was killed, and time passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tests.faults.kills.images import Boot
from tests.faults.kills.rig import TappedRig
from tests.faults.kills.tap import PowerCut
from tests.faults.kills.truths import THIRD
from tests.support.rig import FOLLOW
from tests.support.updates import OLD
from tidegate_agent.machine import update_of
from tidegate_agent.model import Failure, ImageStatus
from tidegate_agent.update.states import Idle, Proving, RollingBack, Settled
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.kills.tap import Boundary
    from tests.faults.kills.worlds import World
    from tidegate_agent.update.states import State

PACE: Final = timedelta(minutes=20)
"""How much time passes at once."""

ROUND: Final = timedelta(seconds=15)
"""How much while health is being proven."""

HANG: Final = timedelta(minutes=16)
"""How long a reboot hangs that does: long enough to be asked for again."""

LONGEST: Final = 300
"""Paces after which nothing more is awaited."""

REVIVAL: Final = timedelta(seconds=5)
"""How long a killed agent is away: nothing that it repeats happens at the same time again."""

PATIENT: Final = 3
"""Kills after which the reboot that was asked for comes before the agent does."""

MOST_LIVES: Final = 100
"""Lives of the agent in one run, at most: more is a loop."""


class EndlessError(Exception):
    """The agent dies and dies."""


class Host:
    """What happens to one host.

    Attributes:
        rig: the agent and its surroundings.
        killed_at: where the agent was killed, in order.
        revive: how it comes up again; as after a crash of its own, if nobody says otherwise.
        ran: the images that ran, in order.
        boots: how often the host booted.
        sequence: that of the newest statement.
        clock_wrong_by: how far the host's clock is from the truth.
        said: a statement that was retained, for whoever brings it back.
        carried: a statement that a person has brought.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.rig = TappedRig(world)
        self.killed_at: list[Boundary] = []
        self.revive: Callable[[], object] = self.rig.restart
        self.ran: list[str | None] = [OLD]
        self.boots = 0
        self.clock_wrong_by = timedelta(0)
        self.said: bytes | None = None
        self.carried: bytes | None = None
        self.sequence = 1
        self._seen = 0
        self._asked_at: datetime | None = None

    @property
    def state(self) -> State:
        """Where the journal says that the update stands."""
        return self.rig.durable

    @property
    def rests(self) -> bool:
        """Whether no update is in progress, and no reboot is to come."""
        return isinstance(self.state, Idle | Settled) and not self._is_due()

    @property
    def now(self) -> datetime:
        """How late it really is, whatever the host's clock says."""
        return self.rig.clock.now() - self.clock_wrong_by

    def do(self, what: Callable[[], object]) -> None:
        """Do something, and start the agent again as often as it is killed meanwhile."""
        while True:
            try:
                what()
            except PowerCut:
                self.killed_at += self.rig.tap.crossed[-1:]
                if len(self.killed_at) > MOST_LIVES:
                    raise EndlessError from None
                self.note()
                self.rig.clock.advance(REVIVAL)
                what, self.revive = self.revive, self.rig.restart
                if len(self.killed_at) > PATIENT and self._is_due():
                    what = self.boot
            else:
                self.note()
                return

    def note(self) -> None:
        """Take note of what runs."""
        current = self.rig.disk.status.current
        if current != self.ran[-1]:
            self.ran.append(current)

    def announce(self, digest: str, *, settle: bool = False, **changes: Any) -> bytes:
        """The publisher's next statement."""
        self.sequence += 1
        fields = {"issued_at": self.now, **changes}
        return self.rig.announce(digest, sequence=self.sequence, settle=settle, **fields)

    def pace(self) -> None:
        """Let the host boot if that is due, else time pass."""
        if self._is_due():
            self.do(self.boot)
        else:
            state = self.state
            pace = ROUND if isinstance(state, Proving) and not state.checking else PACE
            self.do(lambda: self.rig.advance(pace))

    def _is_due(self) -> bool:
        asked = len(self.rig.host.reboots)
        if asked == self._seen:
            return False
        now = self.now
        if self._asked_at is None:
            self._asked_at = now
        return not self._hangs() or now - self._asked_at >= HANG

    def _hangs(self) -> bool:
        return self.rig.truth.of(self.rig.disk.status.staged).hangs

    def boot(self) -> None:
        """The reboot that was asked for comes, and brings what is true."""
        soft = self.rig.host.soft[-1]
        self._seen, self._asked_at = len(self.rig.host.reboots), None
        self.boots += 1
        self._bring_up(soft=soft)
        self.note()
        if not soft:
            self.rig.host.boot()
        # The service manager asks the agent to end before it reboots.
        self.rig.book.end()
        self.rig.restart()

    def reboot_unasked(self, *, power_cut: bool) -> None:
        """Somebody else reboots the host, or it loses power."""
        self._seen, self._asked_at = len(self.rig.host.reboots), None
        self.boots += 1
        if power_cut:
            self.rig.image.reboot(power_cut=True)
        else:
            self._bring_up(soft=False)
        self.note()
        self.rig.host.boot()
        self.rig.restart()

    def _bring_up(self, *, soft: bool) -> None:
        state, disk, engine = self.state, self.rig.disk, self.rig.image
        if isinstance(state, RollingBack) and self.rig.truth.of(disk.status.current).back_lost(state):
            return
        coming = disk.status.staged if disk.armed else None
        image = self.rig.truth.of(coming)
        boot = image.boot if coming is not None and image.boots_so(state) else Boot.COMES_UP
        match boot:
            case Boot.NOTHING if soft:
                pass
            case Boot.FALLS_BACK:
                engine.reboot(falls_back=True)
            case Boot.LOST:
                engine.reboot(power_cut=True)
            case Boot.ELSEWHERE:
                engine.reboot(ImageStatus(THIRD, None, disk.status.current))
            case Boot.DIES:
                engine.reboot()
                self._go_off()
            case _:
                engine.reboot()

    def _go_off(self) -> None:
        """The agent never comes up in what was booted: the guard's deadline passes, and it goes back."""
        guard, disk = self.rig.guard, self.rig.disk
        self.note()
        if guard.armed is None:
            return
        guard.went_off = Failure(Code.BOOT_DEADLINE, "no word from the agent", {"digest": guard.armed[0]})
        guard.armed = None
        disk.status = replace(disk.status, staged=None, rollback_queued=True)
        self.rig.host.boot()
        self.boots += 1
        self.rig.image.reboot()

    def remembers(self) -> int:
        """The sequence up to which this host has accepted statements."""
        return self.rig.book.recall(FOLLOW).memory.sequence

    @property
    def state_digest(self) -> str | None:
        """The target of the update of which the state speaks."""
        update = update_of(self.state)
        return None if update is None else update.target.digest

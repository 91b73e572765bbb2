"""A simulated host tells what a real agent tells: the same scenarios, the same events, the same status.

The agent runs on fakes (tests/support/rig.py), the host as the simulator's model. Of each event all is
compared but moments, durations, sizes, boot ids and the words for people; of the status what it says of the
channel.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.health import HEALTHY, SICK
from tests.fakes.verifier import FakeVerifier
from tests.support.rig import FOLLOW, HOST, START, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_publisher.devstack.simulator import telling
from tidegate_publisher.devstack.simulator.hostmodel import HostModel
from tidegate_publisher.devstack.simulator.letters import Letters
from tidegate_publisher.devstack.simulator.outbox import Outbox
from tidegate_publisher.devstack.simulator.profile import Behaviour, Installed, Pace, Profile
from tidegate_publisher.ports import SignerId, Verified
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState, Wave
from tidegate_schemas.statement import Requires, parse_statement
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_schemas.events import UpdateEvent

ROUND: Final = timedelta(seconds=10)
AT_ONCE: Final = Pace(*[timedelta(0)] * 6)
LABELS: Final = {"site": "lab"}


class Host(Protocol):
    """A host that a scenario is played on."""

    def announce(self, digest: str, **changes: Any) -> bytes:
        """Announce a genuine statement, and let everything happen that follows; the message."""
        ...

    def say(self, message: bytes) -> None:
        """Retain any message on the channel's topic."""
        ...

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        ...

    def power_cycle(self) -> None:
        """Cut the power, and boot."""
        ...

    def events(self) -> list[UpdateEvent]:
        """What was told."""
        ...

    def status(self) -> HostStatus:
        """The newest status."""
        ...


class Real:
    """The agent, on fakes. Its host boots as soon as it is asked to."""

    def __init__(self, *, reboots: bool, fails: Behaviour | None) -> None:
        self._rig = Rig(reboots=reboots)
        self._sick = fails is Behaviour.FAILS_HEALTH
        if fails is Behaviour.FAILS_STAGING:
            self._rig.image.missing.add(NEW)
        self._boots = 0

    def announce(self, digest: str, **changes: Any) -> bytes:
        self._prepare(digest)
        message = self._rig.announce(digest, **changes)
        self._settle()
        return message

    def say(self, message: bytes) -> None:
        self._rig.say(message)
        self._settle()

    def advance(self, by: timedelta) -> None:
        self._rig.advance(by)
        self._settle()

    def power_cycle(self) -> None:
        self._rig.restart(boot=True)
        self._settle()

    def events(self) -> list[UpdateEvent]:
        return list({event.id: event for event in self._rig.events()}.values())

    def status(self) -> HostStatus:
        return self._rig.status()

    def _prepare(self, digest: str) -> None:
        sick = self._sick and digest == NEW
        self._rig.health.answers = [SICK if sick else HEALTHY]

    def _settle(self) -> None:
        while self._boots < len(self._rig.host.reboots):
            self._boots += 1
            self._rig.restart(boot=True)
        if "proving" in self._rig.status().follows[0].state:
            for _ in range(3):
                self._rig.advance(ROUND)
            self._settle()


class Simulated:
    """The simulator's model, with every step taking no time."""

    def __init__(self, *, reboots: bool, fails: Behaviour | None) -> None:
        behaviours: dict[Behaviour, str | None] = {} if fails is None else {fails: "1.0"}
        profile = Profile(
            HOST, Installed(OLD), LABELS, reboots=reboots, pace=AT_ONCE, quarters=(50,), behaviours=behaviours
        )
        self._clock = FakeClock(START)
        self._model = HostModel(profile, (FOLLOW.product, FOLLOW.channel))
        self._fake = FakeVerifier()
        self._letters = Letters(self, (FOLLOW.product, FOLLOW.channel))
        self._outbox = Outbox()
        self._told: list[UpdateEvent] = []
        self._retained = b""

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See letters.Verifying."""
        assert target == (FOLLOW.product, FOLLOW.channel)
        found = self._fake.verify(FOLLOW, message)
        return Verified(
            parse_statement(found.payload), (SignerId(found.identity, found.issuer),), found.payload
        )

    def announce(self, digest: str, **changes: Any) -> bytes:
        fields = {
            "product": FOLLOW.product,
            "channel": FOLLOW.channel,
            "issued_at": self._clock.now(),
            **changes,
        }
        message = self._fake.sign(a_statement(digest, **fields).to_json())
        self.say(message)
        return message

    def say(self, message: bytes) -> None:
        self._retained = message
        self._hear()

    def advance(self, by: timedelta) -> None:
        self._clock.advance(by)
        self._settle()

    def power_cycle(self) -> None:
        self._take(self._model.boot(self._clock.now()))
        self._hear()

    def events(self) -> list[UpdateEvent]:
        return self._told

    def status(self) -> HostStatus:
        return telling.status(self._model, 1, Presence.ONLINE, self._clock.now())

    def _hear(self) -> None:
        if self._retained:
            self._take(self._model.hear(self._letters.read(self._retained), self._clock.now()))
        self._settle()

    def _settle(self) -> None:
        now, start = self._clock.now(), self._model.start
        while (due := self._model.next_due()) is not None and due <= now:
            self._take(self._model.tick(now))
            if self._model.start != start or self._model.asks:
                # It came back with another connection, or asks for it: that brings what is retained.
                self._model.asks = False
                self._hear()
                return

    def _take(self, told: list[UpdateEvent]) -> None:
        self._told += [event for event in told if self._outbox.put(event)]


WAVES: Final = (Wave(name="canary", labels={"site": "elsewhere"}, open=True), Wave(name="rest"))
OPEN: Final = (WAVES[0], Wave(name="rest", open=True))


def rollout(**fields: Any) -> Rollout:
    return Rollout(seed="seed", **fields)


def success(host: Host) -> None:
    host.announce(NEW)


def two_releases(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEWER, sequence=2, version="1.1")


def heard_twice(host: Host) -> None:
    message = host.announce(NEW)
    host.say(message)


def heartbeat(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEW, sequence=2)


def held_while_waiting(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=WAVES))
    host.announce(NEW, sequence=2, rollout=rollout(waves=WAVES, state=RolloutState.HELD))
    host.announce(NEW, sequence=3, rollout=rollout(waves=WAVES))
    host.announce(NEW, sequence=4, rollout=rollout(waves=OPEN))


def promoted(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=WAVES))
    host.announce(NEW, sequence=2, rollout=rollout(waves=OPEN))


def opened_by_time(host: Host) -> None:
    opens = START + timedelta(hours=1)
    host.announce(NEW, rollout=rollout(waves=(Wave(name="rest", opens_at=opens),)))
    host.advance(timedelta(hours=2))


def no_wave(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=(WAVES[0],)))


def revoked_while_waiting(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=WAVES))
    host.announce(NEW, sequence=2, rollout=rollout(waves=WAVES, state=RolloutState.REVOKED))


def revoked_at_once(host: Host) -> None:
    host.announce(NEW, rollout=rollout(state=RolloutState.REVOKED))


def revoked_after_success(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEW, sequence=2, rollout=rollout(state=RolloutState.REVOKED))


def superseded_while_waiting(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=WAVES))
    host.announce(NEWER, sequence=2, version="1.1")
    host.announce(NEW, sequence=3)


def what_runs_already(host: Host) -> None:
    host.announce(OLD)


def announced_again(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEW, sequence=2, version="1.0-again")
    host.announce(NEWER, sequence=3, version="1.1")


def tried_again(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEW, sequence=2)
    host.announce(NEW, sequence=3, rollout=rollout(waves=WAVES))


def fixed_after(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEWER, sequence=2, version="1.1")


def rebooted_while_waiting(host: Host) -> None:
    host.announce(NEW, rollout=rollout(waves=WAVES))
    host.power_cycle()
    host.announce(NEW, sequence=2, rollout=rollout(waves=OPEN))
    host.power_cycle()


def replayed(host: Host) -> None:
    first = host.announce(NEW)
    host.announce(NEWER, sequence=2, version="1.1")
    host.say(first)
    host.say(first)


def equivocal(host: Host) -> None:
    host.announce(NEW)
    host.announce(NEWER, version="1.1")


def from_the_future(host: Host) -> None:
    host.announce(NEW, issued_at=START + timedelta(hours=1))
    host.advance(timedelta(hours=2))
    host.announce(NEW)


def too_long_valid(host: Host) -> None:
    host.announce(NEW, expires=START + timedelta(days=400))


def forged(host: Host) -> None:
    host.say(b"nobody signed this")
    host.announce(NEW)


def for_others(host: Host) -> None:
    host.announce(NEW, requires=Requires(labels={"site": "elsewhere"}))
    host.announce(NEWER, sequence=2, requires=Requires(arch=("riscv64",)))


def stale(host: Host) -> None:
    host.announce(NEW, expires=START + timedelta(days=1))
    host.advance(timedelta(days=2))


def stale_while_waiting(host: Host) -> None:
    host.announce(NEW, expires=START + timedelta(days=1), rollout=rollout(waves=WAVES))
    host.advance(timedelta(days=2))
    host.announce(NEW, sequence=2, rollout=rollout(waves=OPEN))


SOUND: Final = [
    success, two_releases, heard_twice, heartbeat, held_while_waiting, promoted, opened_by_time, no_wave,
    revoked_while_waiting, revoked_at_once, revoked_after_success, superseded_while_waiting,
    what_runs_already, announced_again, rebooted_while_waiting, replayed,
    equivocal, from_the_future, too_long_valid, forged,
    for_others, stale, stale_while_waiting,
]  # fmt: skip
FAILING: Final = [
    success,
    tried_again,
    fixed_after,
    revoked_after_success,
    promoted,
    rebooted_while_waiting,
]


def told(event: UpdateEvent) -> dict[str, Any]:
    """What counts of an event."""
    dump = event.model_dump(mode="json", exclude_none=True, by_alias=False)
    data = dump.pop("data")
    for name in ("boot_id", "bytes_fetched", "reason", "until"):
        data.pop(name, None)
    data["durations"] = sorted(data["durations"])
    dump.pop("time")
    return {**dump, "id": re.sub(r"-\d+$", "-moment", dump["id"]), **data}


def standing(status: HostStatus) -> dict[str, Any]:
    """What counts of a status."""
    follow = status.follows[0].model_dump(mode="json", exclude={"engine", "reason", "until"})
    return {**follow, "labels": status.labels, "start": status.start}


def compare(scenario: Callable[[Host], None], *, reboots: bool, fails: Behaviour | None = None) -> Host:
    real, simulated = Real(reboots=reboots, fails=fails), Simulated(reboots=reboots, fails=fails)
    scenario(real)
    scenario(simulated)
    assert [told(event) for event in simulated.events()] == [told(event) for event in real.events()]
    assert standing(simulated.status()) == standing(real.status())
    return simulated


@pytest.mark.parametrize("reboots", [False, True], ids=["in place", "by reboot"])
@pytest.mark.parametrize("scenario", SOUND, ids=lambda each: each.__name__)
def test_tells_what_the_agent_tells(scenario: Callable[[Host], None], reboots: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert compare(scenario, reboots=reboots).events()


@pytest.mark.parametrize("reboots", [False, True], ids=["in place", "by reboot"])
@pytest.mark.parametrize("fails", [Behaviour.FAILS_HEALTH, Behaviour.FAILS_STAGING])
@pytest.mark.parametrize("scenario", FAILING, ids=lambda each: each.__name__)
def test_fails_as_the_agent_fails(
    scenario: Callable[[Host], None],
    fails: Behaviour,
    reboots: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    wanted = {Behaviour.FAILS_HEALTH: Code.HEALTH_FAILED, Behaviour.FAILS_STAGING: Code.IMAGE_NOT_FOUND}[
        fails
    ]
    simulated = compare(scenario, reboots=reboots, fails=fails)
    assert wanted in {event.data.code for event in simulated.events()}

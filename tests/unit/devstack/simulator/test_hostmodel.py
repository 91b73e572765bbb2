"""What a simulated host does besides what an agent does: its faults, its pace, its clock.

That it tells what an agent tells is in tests/contract/test_simulated_hosts.py.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.statements import NOON, a_statement, digest_of
from tidegate_publisher.devstack.simulator.hostmodel import HostModel
from tidegate_publisher.devstack.simulator.letters import Letter
from tidegate_publisher.devstack.simulator.profile import Behaviour, Installed, Pace, Profile
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, UpdateEvent

OLD, NEW, NEWER = digest_of("0"), digest_of("a"), digest_of("b")


def a_letter(digest: str = NEW, **changes: Any) -> Letter:
    """A genuine statement."""
    statement = a_statement(digest, **changes)
    name = hashlib.sha256(statement.to_json()).hexdigest()
    return Letter(name, statement, fingerprint=name, signer="release", issuer="a key pair")


class Played:
    """A host and its clock."""

    def __init__(self, *behaviours: Behaviour, reboots: bool = True, version: str | None = None) -> None:
        faults: dict[Behaviour, str | None] = dict.fromkeys(behaviours, version)
        profile = Profile("edge-1", Installed(OLD, "0.9"), reboots=reboots, behaviours=faults)
        self.model = HostModel(profile, ("os", "stable"))
        self.now = NOON
        self.told: list[UpdateEvent] = []

    def hear(self, letter: Letter) -> None:
        self.told += self.model.hear(letter, self.now)

    def run(self, until: timedelta = timedelta(hours=2)) -> None:
        """Let everything happen that is due until then."""
        end = self.now + until
        while (due := self.model.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.told += self.model.tick(self.now)
        self.now = end

    @property
    def steps(self) -> list[Step]:
        return [event.data.step for event in self.told]

    def at(self, step: Step) -> datetime:
        return next(event.time for event in self.told if event.data.step is step)


def test_takes_the_time_that_its_pace_says() -> None:
    played, pace = Played(), Pace()
    played.hear(a_letter())
    played.run()
    assert played.at(Step.STAGED) - played.at(Step.STAGING) == pace.staging
    assert played.at(Step.REBOOTING) - played.at(Step.ACTIVATING) == pace.activating
    assert played.at(Step.PROVING) - played.at(Step.REBOOTING) == pace.reboot
    assert played.at(Step.SUCCEEDED) - played.at(Step.PROVING) == pace.proving
    total = pace.staging + pace.activating + pace.reboot + pace.proving
    assert played.told[-1].data.durations["total"] == total.total_seconds()


def test_has_no_power_while_it_boots_and_hears_nothing() -> None:
    played = Played()
    played.hear(a_letter())
    while played.model.powered:
        played.run(timedelta(seconds=1))
    assert played.model.start == 1
    played.hear(a_letter(NEWER, sequence=2))
    played.run()
    assert (played.model.start, played.model.images.current) == (2, NEW)
    assert played.model.memory.sequence == 1


def test_a_host_that_hangs_says_nothing_more_and_stays() -> None:
    played = Played(Behaviour.HANGS)
    played.hear(a_letter())
    played.run()
    assert played.steps[-1] is Step.ACTIVATING
    assert played.model.powered


def test_a_host_that_drops_out_never_comes_back() -> None:
    played = Played(Behaviour.DROPS_OUT)
    played.hear(a_letter())
    played.run(timedelta(days=5))
    assert played.steps[-1] is Step.ACTIVATING
    assert not played.model.powered
    assert played.model.next_due() is None


def test_a_host_with_a_window_waits_for_it_once() -> None:
    played = Played(Behaviour.WINDOW)
    played.hear(a_letter())
    played.run()
    waits = [event for event in played.told if event.data.step is Step.WAITING]
    assert [event.data.waiting_for for event in waits] == ["window"]
    assert waits[0].data.until is not None
    assert waits[0].data.until <= played.at(Step.ACTIVATING)
    assert played.steps[-1] is Step.SUCCEEDED


@pytest.mark.parametrize("reboots", [False, True])
def test_a_fault_in_one_version_is_gone_in_the_next(*, reboots: bool) -> None:
    played = Played(Behaviour.FAILS_HEALTH, reboots=reboots, version="1.0")
    played.hear(a_letter())
    played.run()
    assert (played.steps[-1], played.model.images.current) == (Step.ROLLED_BACK, OLD)
    played.hear(a_letter(NEWER, sequence=2, version="1.1"))
    played.run()
    assert (played.steps[-1], played.model.images.current) == (Step.SUCCEEDED, NEWER)
    assert list(played.model.quarantined) == [NEW]


def test_a_clock_that_is_behind_refuses_and_asks_again() -> None:
    played = Played()
    played.now = NOON - timedelta(minutes=30)
    played.hear(a_letter())
    assert [event.data.code for event in played.told] == [Code.STATEMENT_NOT_YET_VALID]
    played.run(timedelta(minutes=10))
    assert played.model.asks


def test_what_is_announced_past_activation_is_taken_up_afterwards() -> None:
    played = Played(reboots=False)
    played.hear(a_letter())
    while played.model.stage.value != "proving":
        played.run(timedelta(seconds=1))
    played.hear(a_letter(NEWER, sequence=2, version="1.1"))
    assert played.steps[-1] is Step.PROVING
    played.run()
    assert [event.data.version for event in played.told if event.data.step is Step.SUCCEEDED] == [
        "1.0",
        "1.1",
    ]

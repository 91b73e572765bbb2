"""The room in which the agent waits for its disk: connected, told by its status, idle otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from tests.fakes.bus import FakeBroker, FakeBus
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.support.rig import HOST, START, TOPICS
from tidegate_agent import reporting
from tidegate_agent.admission import HostFacts
from tidegate_agent.census import Census
from tidegate_agent.engine import DISK_PAUSE
from tidegate_agent.errors import JournalError
from tidegate_agent.records import INBOX, Waited
from tidegate_agent.reporting import Birth, Profile
from tidegate_agent.waiting_room import WaitingRoom
from tidegate_fleet.hosts import Fleet
from tidegate_schemas.codes import Code
from tidegate_schemas.status import HostStatus, Inventory, Presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.ports import Journal

READ_ONLY: Final = JournalError(Code.DISK_READ_ONLY, "the journal cannot be opened: Read-only file system")
PROFILE: Final = Profile(
    HostFacts(HOST, "amd64"), Inventory(arch="amd64", kernel="6.1", os="Debian", agent="test"), "boot-1"
)


class Disk:
    """Refuses the journal as often as it is told to."""

    def __init__(self, *refusals: JournalError) -> None:
        self.journal = FakeJournal()
        self.pauses: list[timedelta] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.goes_on = True
        self._refusals = list(refusals)

    def attempt(self) -> Journal:
        if self._refusals:
            raise self._refusals.pop(0)
        return self.journal

    def pause(self, length: timedelta) -> bool:
        self.pauses.append(length)
        self.meanwhile()
        return self.goes_on


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def room(broker: FakeBroker) -> WaitingRoom:
    bus = FakeBus(broker, HOST, [TOPICS.requests(HOST)])
    return WaitingRoom(bus, TOPICS, PROFILE, FakeClock(START), life=7)


def status(broker: FakeBroker) -> HostStatus:
    return HostStatus.model_validate_json(broker.retained[TOPICS.status(HOST)])


def test_a_disk_that_works_is_not_waited_for(room: WaitingRoom, broker: FakeBroker) -> None:
    disk = Disk()
    assert room.wait(disk.attempt, disk.pause) is disk.journal
    assert (disk.pauses, broker.published, room.waited()) == ([], [], Waited())


def test_prometheus_is_told_why_nothing_is_done(room: WaitingRoom) -> None:
    disk = Disk(READ_ONLY)
    seen: list[Census] = []
    disk.meanwhile = lambda: seen.append(room.census())
    room.wait(disk.attempt, disk.pause)
    assert seen == [Census(at=START, start=7, connected=True, synchronised=True, fault=Code.DISK_READ_ONLY)]


def test_the_fleet_sees_why_nothing_is_done(room: WaitingRoom, broker: FakeBroker) -> None:
    disk = Disk(*[READ_ONLY] * 8)
    seen: list[HostStatus] = []
    disk.meanwhile = lambda: seen.append(status(broker))
    assert room.wait(disk.attempt, disk.pause) is disk.journal
    assert [each.total_seconds() for each in disk.pauses] == [2, 4, 8, 16, 30, 30, 30, 30]
    assert disk.pauses[-1] == DISK_PAUSE
    assert {each.presence for each in seen} == {Presence.ONLINE}
    assert seen[0].fault is not None
    assert (seen[0].fault.code, seen[0].start) == (Code.DISK_READ_ONLY, 7)
    # Told once, not with every attempt; and no farewell, for the agent comes right after.
    assert len(broker.published) == 1
    assert room.waited() == Waited()


def test_who_is_killed_while_it_waits_hides_neither_the_next_that_waits_nor_the_agent(
    broker: FakeBroker,
) -> None:
    clock, fleet, ends = FakeClock(START), Fleet(), []
    for _ in range(2):
        room = WaitingRoom(FakeBus(broker, HOST, [TOPICS.requests(HOST)]), TOPICS, PROFILE, clock, life=7)
        ends.append(HostStatus.model_validate_json(room.will().payload))
        disk = Disk(*[READ_ONLY] * 3)
        room.wait(disk.attempt, disk.pause)
        fleet.take(status(broker), clock.now())
        assert fleet.hosts[HOST].online
        fleet.take(HostStatus.model_validate_json(room.will().payload), clock.now())
        clock.advance(timedelta(minutes=1))
    agents = reporting.host_status(PROFILE, Birth(8, 1), Presence.ONLINE, clock.now())
    fleet.take(agents.model_copy(update={"revision": 1}), clock.now())
    assert fleet.hosts[HOST].online
    assert ends[0].connection < ends[1].connection


def test_a_fault_that_changes_is_told(room: WaitingRoom, broker: FakeBroker) -> None:
    disk = Disk(READ_ONLY, JournalError(Code.DISK_FULL, "no space"))
    room.wait(disk.attempt, disk.pause)
    fault = status(broker).fault
    assert fault is not None
    assert fault.code is Code.DISK_FULL


def test_requests_are_kept_for_the_agent_and_commands_answered_with_the_fault(
    room: WaitingRoom, broker: FakeBroker
) -> None:
    disk = Disk(READ_ONLY)
    answers = []

    def meanwhile() -> None:
        for number in range(INBOX + 2):
            broker.publish(TOPICS.requests(HOST), b"request %d" % number)
        answers.extend([room.answer({"command": "status"}), room.answer({"command": "approve"})])

    disk.meanwhile = meanwhile
    room.wait(disk.attempt, disk.pause)
    assert room.waited().requests == tuple(b"request %d" % number for number in range(2, INBOX + 2))
    assert (answers[0]["ok"], answers[0]["broker"]) == (True, None)
    assert HostStatus.model_validate(answers[0]["status"], strict=False).fault is not None
    assert (answers[1]["ok"], answers[1]["code"]) == (False, "disk.read-only")
    assert "Read-only file system" in answers[1]["reason"]


def test_who_stops_waiting_says_goodbye(room: WaitingRoom, broker: FakeBroker) -> None:
    disk = Disk(READ_ONLY)
    disk.goes_on = False
    assert room.wait(disk.attempt, disk.pause) is None
    assert status(broker).presence is Presence.OFFLINE

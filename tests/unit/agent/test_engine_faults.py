"""The agent on fakes, where the disk fails at any point and where things happen at the same moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.fakes.journal import FakeJournal
from tests.support.rig import Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.engine import DISK_PAUSE
from tidegate_agent.errors import EngineError, JournalError
from tidegate_agent.manners import Manners
from tidegate_agent.refusals import TOLD
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from tidegate_agent.records import Change

from zoneinfo import ZoneInfo

NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))


class FaultyJournal(FakeJournal):
    """Raises what no journal should raise, once."""

    fault: Exception | None = None

    def commit(self, change: Change) -> None:
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        super().commit(change)


class FlakyJournal(FakeJournal):
    """Does not take one of the writes, counted from 1."""

    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self.writes = 0
        self._fails_at = fails_at

    def commit(self, change: Change) -> None:
        self.writes += 1
        if self.writes == self._fails_at:
            raise JournalError(Code.DISK_IO, "one write failed")
        super().commit(change)


@pytest.mark.parametrize("fails_at", range(1, 8))
@pytest.mark.parametrize("reboots", [False, True], ids=["switch", "reboot"])
def test_one_failed_write_costs_a_pause_and_no_step(fails_at: int, *, reboots: bool) -> None:
    journal = FlakyJournal(fails_at)
    rig = Rig(journal=journal, reboots=reboots)
    rig.announce(NEW)
    rig.advance(DISK_PAUSE)
    if reboots:
        rig.restart(boot=True)
        rig.advance(DISK_PAUSE)
    assert journal.writes >= fails_at
    assert rig.image.status().current == NEW
    assert rig.image.calls.count(f"activate {NEW}") == 1
    told = list(dict.fromkeys(rig.steps()))
    assert told[-2:] == [Step.PROVING, Step.SUCCEEDED]
    assert told[:1] == [Step.ACCEPTED]


def test_a_disk_that_cannot_be_read_ends_nothing() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal)
    journal.unreadable = True
    rig.announce(NEW)
    rig.broker.cut()
    rig.broker.up()
    rig.settle()
    assert rig.image.status().current == OLD
    journal.unreadable = False
    rig.advance(DISK_PAUSE)
    assert rig.image.status().current == NEW
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert rig.status().follows[0].current == NEW


@pytest.mark.parametrize("rollout", [Rollout(seed="s", state=RolloutState.HELD)])
def test_a_hold_that_comes_as_the_window_opens_holds(rollout: Rollout) -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    rig.verifier.meanwhile = lambda: rig.clock.set(datetime(2026, 3, 3, 2, tzinfo=UTC))
    rig.announce(NEW, sequence=2, rollout=rollout)
    assert rig.image.status().current == OLD
    assert rig.status().follows[0].waiting_for == "hold"


def test_what_supersedes_is_assessed_itself() -> None:
    rig = Rig(manners=Manners(NIGHT.schedule, stage_in_window=True))
    rig.announce(NEW)
    assert rig.image.calls == []
    rig.verifier.meanwhile = lambda: rig.clock.set(datetime(2026, 3, 3, 2, tzinfo=UTC))
    rig.announce(NEWER, sequence=2, rollout=Rollout(seed="s", state=RolloutState.HELD))
    assert rig.image.calls == []
    assert rig.status().follows[0].waiting_for == "hold"


def test_copies_of_a_genuine_statement_cost_no_writes() -> None:
    journal = FlakyJournal(fails_at=0)
    rig = Rig(manners=NIGHT, journal=journal)
    statement = a_statement(NEW, product="os", channel="stable", issued_at=rig.clock.now()).to_json()
    rig.say(rig.verifier.sign(statement, signed_at_least=rig.clock.now()))
    assert rig.status().follows[0].state == "staged"
    before = journal.writes
    for _ in range(20):
        # The same content in another envelope, as a broker can make them without end.
        rig.say(rig.verifier.sign(statement, signed_at_least=rig.clock.now()))
    assert len(rig.verifier.asked) == 21
    assert journal.writes == before


def test_a_flood_of_false_messages_does_not_fill_the_log() -> None:
    rig, lines = Rig(), list[str]()
    handler = logger.add(lines.append, level="INFO", format="{message}")
    try:
        for number in range(300):
            rig.say(b"rubbish %d" % number)
    finally:
        logger.remove(handler)
    assert sum("was refused" in line for line in lines) == TOLD
    assert sum("only counted" in line for line in lines) == 1


def test_an_update_that_waited_until_its_statement_expired_waits_for_a_newer_one() -> None:
    rig = Rig(manners=Manners(Schedule((Window("0 2 1 * *", timedelta(hours=2), ZoneInfo("UTC")),))))
    rig.announce(NEW)
    rig.clock.set(datetime(2026, 4, 1, 2, tzinfo=UTC))
    rig.settle()
    assert rig.image.status().current == OLD
    assert rig.status().follows[0].waiting_for == "statement"
    rig.announce(NEW, sequence=2)
    assert rig.image.status().current == NEW


def test_whatever_an_engine_says_of_a_failure_can_be_told() -> None:
    rig = Rig()
    # A lone surrogate, as JSON escapes can spell it, is not UTF-8; the other one clears a terminal.
    rig.image.fail("stage", EngineError(Code.IMAGE_UNSUPPORTED, "the media type '\ud800\x1b[2J'"))
    rig.announce(NEW)
    last = rig.events()[-1].data
    assert (last.step, last.code) == (Step.FAILED, Code.IMAGE_UNSUPPORTED)
    assert last.reason == "the media type '\ufffd\ufffd[2J'"
    assert rig.status().follows[0].state == "failed"


def test_a_staging_does_not_hold_up_the_agents_end_and_goes_on_afterwards() -> None:
    rig = Rig()
    rig.image.halfway = rig.agent.stop
    rig.announce(NEW)
    assert (rig.image.status().staged, rig.image.status().current) == (None, OLD)
    rig.image.halfway = lambda: None
    rig.restart()
    assert rig.image.status().current == NEW


def test_a_fault_in_one_decision_leaves_the_next_message_heard() -> None:
    journal = FaultyJournal()
    rig = Rig(journal=journal)
    journal.fault = RuntimeError("not foreseen")
    rig.say(b"rubbish", settle=False)
    rig.announce(NEW)
    assert rig.image.status().current == NEW

"""The whole agent on fakes, where the disk takes nothing for a while: what is told."""

from __future__ import annotations

from tests.fakes.journal import FakeJournal
from tests.support.rig import Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.engine import DISK_PAUSE
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step


def test_the_status_says_that_the_disk_takes_nothing_and_when_it_does_again() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal)
    assert rig.status().fault is None
    journal.broken = True
    rig.announce(NEW)
    fault = rig.status().fault
    assert fault is not None
    assert (fault.code, rig.image.status().current) == (Code.DISK_FULL, OLD)
    assert any("disk.full" in line for line in rig.board.shown[-1])
    rig.advance(DISK_PAUSE)
    assert rig.status().fault == fault
    journal.broken = False
    rig.advance(DISK_PAUSE)
    assert (rig.status().fault, rig.image.status().current) == (None, NEW)
    assert rig.steps()[-1] is Step.SUCCEEDED
    assert not any("disk.full" in line for line in rig.board.shown[-1])


def test_the_status_is_told_even_where_the_journal_cannot_be_read() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal)
    journal.unreadable = True
    rig.announce(NEW)
    fault = rig.status().fault
    assert fault is not None
    assert fault.code is Code.DISK_IO
    journal.unreadable = False
    rig.advance(DISK_PAUSE)
    assert (rig.status().fault, rig.status().follows[0].current) == (None, NEW)

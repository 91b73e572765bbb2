"""One sentence for a person: what a host waits for and until when, or what went wrong."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import SICK
from tests.support.rig import Rig
from tests.support.updates import NEW
from tidegate_agent.manners import Manners
from tidegate_agent.sentences import AWAITED, motd_lines, sentence
from tidegate_agent.update.states import WaitFor
from tidegate_agent.views import status_lines
from tidegate_agent.windows import Schedule, Window

NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))


def told(rig: Rig) -> list[str]:
    return list(motd_lines(rig.status()))


def test_there_are_words_for_everything_that_can_be_waited_for() -> None:
    assert set(AWAITED) == set(WaitFor)


def test_where_all_is_well_nothing_is_said() -> None:
    rig = Rig()
    assert told(rig) == []
    rig.announce(NEW)
    assert rig.image.status().current == NEW
    assert told(rig) == []
    assert sentence(rig.status().follows[0]) is None


def test_what_is_waited_for_until_when_and_why() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    words = "version 1.0 lies ready and waits for a maintenance window, until 2026-03-03 02:00 UTC"
    assert told(rig) == [
        f"tidegate: os/stable: {words}: the next maintenance window opens at 2026-03-03T02:00:00Z"
    ]
    assert f"    {words}" in list(status_lines(rig.status(), running=True))


def test_what_is_held_before_it_is_fetched_does_not_lie_ready() -> None:
    rig = Rig()
    rig.ask("hold", reason="a \x1bshow is on")
    rig.announce(NEW)
    why = "held by a person on this host: a \ufffdshow is on"
    assert told(rig) == [f"tidegate: os/stable: version 1.0 waits for a hold to be lifted: {why}"]


def test_a_rollback_is_told_with_its_reason_and_how_to_lift_the_quarantine() -> None:
    rig = Rig()
    rig.health.answers = [SICK]
    rig.announce(NEW)
    assert "runs and has yet to prove healthy" in told(rig)[0]
    for _ in range(2):
        rig.advance(timedelta(seconds=10))
    how = f"tidegate-agent approve --quarantined {NEW} lifts that"
    assert told(rig) == [
        "tidegate: os/stable: the update to version 1.0 was rolled back: fake: the fake is sick",
        f"tidegate: os/stable: an image is in quarantine; {how}",
    ]
    rig.ask("pardon", digest=NEW)
    assert len(told(rig)) == 1


@pytest.mark.parametrize("connected", [True, False])
def test_the_board_is_kept_current_whether_the_broker_is_there_or_not(*, connected: bool) -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    if not connected:
        rig.broker.down()
        rig.settle()
    rig.ask("approve")
    assert "maintenance window" in rig.board.shown[-1][0]
    rig.ask("approve", now=True)
    assert rig.board.shown[-1] == []

"""What is kept of a host that begins anew: it is heard again, in a store as by who watches."""

from __future__ import annotations

from datetime import timedelta

from tests.support.host_words import CHANNEL, A, a_follow, after_noon, says, told, will
from tests.support.statements import NOON
from tidegate_fleet.dossier import Dossier
from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.standing import Phase
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

KEY = ReleaseKey(*CHANNEL, A)
DAY = timedelta(days=1)
WAITS = a_follow(state="waiting", target=A, sequence=1)


def test_a_host_that_was_installed_anew_is_heard_again() -> None:
    dossier = Dossier("edge-1", NOON)
    dossier.take_status(says(a_follow(state="succeeded", target=A, sequence=1), born=(57, 3)), NOON)
    dossier.take_event(told(Step.SUCCEEDED, attempt=4), NOON)
    assert dossier.take_status(says(WAITS, born=(1, 1), at=NOON + DAY), NOON + DAY)
    assert dossier.born == (1, 1)
    assert dossier.standings[CHANNEL].phase is Phase.WAITING
    dossier.take_event(told(Step.STAGING, NOON + 2 * DAY, attempt=1), NOON + 2 * DAY)
    assert dossier.ways[KEY].standing.phase is Phase.STAGING


def test_a_status_that_comes_out_of_order_brings_nothing_old_back() -> None:
    dossier = Dossier("edge-1", NOON)
    assert dossier.take_status(says(revision=2, at=after_noon(60)), NOON)
    assert not dossier.take_status(says(WAITS, revision=1, at=NOON), after_noon(61))
    assert not dossier.standings
    assert dossier.take_status(says(WAITS, born=(1, 2), revision=1, at=NOON), after_noon(62))


def test_a_status_or_a_will_that_was_overtaken_is_no_new_beginning() -> None:
    dossier = Dossier("edge-1", NOON)
    dossier.take_status(says(born=(57, 3), at=after_noon(60)), NOON)
    assert not dossier.take_status(says(born=(56, 1), at=NOON), after_noon(61))
    assert not dossier.take_status(says(born=(56, 1), at=NOON + DAY), after_noon(61))
    dossier.take_status(will(born=(56, 1), at=after_noon(50)), after_noon(71))
    assert dossier.presence is Presence.ONLINE


def test_a_damaged_journal_makes_attempts_count_from_one_again() -> None:
    dossier = Dossier("edge-1", NOON)
    dossier.take_event(told(Step.FAILED, attempt=5), NOON)
    damage = told(Step.DAMAGED, after_noon(9), product=None, channel=None, sequence=None, digest=None)
    dossier.take_event(damage, after_noon(9))
    dossier.take_event(told(Step.ACCEPTED, after_noon(10), attempt=1), after_noon(10))
    assert dossier.standings[CHANNEL].step is Step.ACCEPTED


def test_an_end_that_is_said_again_does_not_come_later() -> None:
    dossier = Dossier("edge-1", NOON)
    done = a_follow(state="succeeded", target=A, sequence=1)
    for hour in range(5):
        moment = NOON + timedelta(hours=hour)
        dossier.take_status(says(done, at=moment), moment)
    assert dossier.ways[KEY].passage("edge-1", "").ended == NOON

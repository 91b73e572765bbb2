"""What a host with a wrong clock takes up: the floor stands in for one that is behind only."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.rig import START, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_schemas.codes import Code

BATTERY_EMPTY = datetime(1970, 1, 2, tzinfo=UTC)
FAR_AHEAD = datetime(2100, 1, 2, tzinfo=UTC)


def announce(rig: Rig, digest: str, sequence: int) -> None:
    """A statement that was signed, and issued, at START, whatever this host's clock says."""
    payload = a_statement(digest, sequence=sequence, issued_at=START).to_json()
    rig.say(rig.verifier.sign(payload, signed_at_least=START))


def test_at_1970_the_certificate_is_floor_enough() -> None:
    rig = Rig()
    rig.clock.set(BATTERY_EMPTY)
    announce(rig, NEW, 1)
    assert rig.image.status().current == NEW
    assert rig.journal.clock_floor() == START


def test_at_1970_the_persisted_floor_outlives_a_restart() -> None:
    rig = Rig()
    announce(rig, NEW, 1)
    rig.clock.set(BATTERY_EMPTY)
    rig.restart(boot=True)
    announce(rig, NEWER, 2)
    assert rig.image.status().current == NEWER


def test_at_1970_a_statement_that_ended_before_the_floor_is_refused() -> None:
    rig = Rig()
    announce(rig, NEW, 1)
    rig.clock.set(BATTERY_EMPTY)
    stale = a_statement(NEWER, sequence=2, issued_at=datetime(2026, 1, 2, tzinfo=UTC)).to_json()
    rig.say(rig.verifier.sign(stale, signed_at_least=datetime(2026, 1, 2, tzinfo=UTC)))
    assert rig.events()[-1].data.code is Code.STATEMENT_EXPIRED
    assert rig.image.status().current == NEW


def test_at_2100_everything_has_expired() -> None:
    rig = Rig()
    rig.clock.set(FAR_AHEAD)
    announce(rig, NEW, 1)
    assert rig.events()[-1].data.code is Code.STATEMENT_EXPIRED
    assert rig.image.status().current == OLD


def test_a_clock_that_was_far_ahead_leaves_no_floor_behind() -> None:
    rig = Rig()
    rig.clock.set(FAR_AHEAD)
    announce(rig, NEW, 1)
    rig.clock.set(START)
    announce(rig, NEWER, 2)
    assert rig.image.status().current == NEWER

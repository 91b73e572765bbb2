"""The agent and its trusted root: what is told of it, and what another root sets off."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.root_keeper import FakeRootKeeper
from tests.support.rig import FOLLOW, START, Rig
from tests.support.updates import NEW
from tidegate_schemas.codes import Code

ENDS = START + timedelta(days=90)


@pytest.fixture
def roots() -> FakeRootKeeper:
    keeper = FakeRootKeeper(ENDS)
    keeper.publish(b"first")
    return keeper


def test_the_status_tells_which_root_is_in_force(roots: FakeRootKeeper) -> None:
    rig = Rig(roots=roots)
    trust = rig.status().trust
    assert trust is not None
    assert trust.root_digest == roots.look(START).digest
    assert (trust.expires, trust.code, trust.warnings) == (ENDS, None, ())


def test_the_status_tells_of_a_failure_and_of_an_end(roots: FakeRootKeeper) -> None:
    rig = Rig(roots=roots)
    roots.spoil("the repository is gone")
    rig.advance(timedelta(days=85))
    trust = rig.status().trust
    assert trust is not None
    assert (trust.code, trust.reason) == (Code.TRUST_REFRESH_FAILED, "the repository is gone")
    assert trust.warnings == (
        "the trusted root the test's root: its last certificate authority ends at 2026-05-31 12:00Z",
    )


def test_another_root_judges_anew_what_is_retained(roots: FakeRootKeeper) -> None:
    rig = Rig(roots=roots)
    rig.say(b"signed by somebody whom the first root does not know")
    assert rig.verifier.asked == [FOLLOW]
    rig.advance(timedelta(hours=6))
    assert rig.verifier.asked == [FOLLOW], "the same root says the same"
    roots.publish(b"second")
    rig.advance(timedelta(hours=6))
    assert rig.verifier.asked == [FOLLOW, FOLLOW]


def test_another_root_does_not_repeat_what_is_done(roots: FakeRootKeeper) -> None:
    rig = Rig(roots=roots)
    rig.announce(NEW, issued_at=START)
    steps = rig.steps()
    roots.publish(b"second")
    rig.advance(timedelta(hours=6))
    # When it came, right before activation, and by the other root.
    assert rig.verifier.asked == [FOLLOW] * 3
    assert rig.steps() == steps
    assert rig.image.status().current == NEW


def test_a_person_may_ask_for_a_refresh(roots: FakeRootKeeper) -> None:
    rig = Rig(roots=roots)
    asked = len(roots.asked)
    assert rig.ask("refresh-root") == {"ok": True}
    assert len(roots.asked) == asked + 1


def test_without_a_keeper_there_is_nothing_to_refresh() -> None:
    rig = Rig()
    assert rig.ask("refresh-root")["code"] == Code.REQUEST_POINTLESS
    assert rig.status().trust is None

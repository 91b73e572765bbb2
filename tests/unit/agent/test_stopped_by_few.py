"""What fewer signers than the threshold may do: stop a release. It neither ages nor rejuvenates an image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.verifier import FakeVerifier
from tests.support.rig import FOLLOW, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, NEWER, OLD
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.statement import Requires

if TYPE_CHECKING:
    from tidegate_agent.model import Follow, Verdict

STOPS = [RolloutState.HELD, RolloutState.REVOKED]


class Few(FakeVerifier):
    """Some messages were signed by fewer than the policy asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.few: set[bytes] = set()

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        return replace(super().verify(follow, payload), enough=payload not in self.few)


class Host:
    """An agent whose verifier tells few signers from enough."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.verifier = self.rig.verifier = Few()
        self.rig.restart()

    @property
    def current(self) -> str | None:
        return self.rig.image.status().current

    def stop(self, digest: str, sequence: int, state: RolloutState) -> None:
        """One signer of several holds or revokes an image."""
        rollout = Rollout(seed="s", state=state)
        statement = a_statement(digest, issued_at=self.rig.clock.now(), sequence=sequence, rollout=rollout)
        message = self.verifier.sign(statement.to_json())
        self.verifier.few.add(message)
        self.rig.say(message)
        assert self.rig.journal.recall(FOLLOW).memory.sequence == sequence, "it was not taken up"


@pytest.mark.parametrize("state", STOPS)
@pytest.mark.parametrize("restart", [False, True])
def test_a_stop_of_the_running_image_proves_no_step_taken(state: RolloutState, *, restart: bool) -> None:
    host = Host()
    host.rig.announce(NEW, sequence=1)
    assert host.rig.journal.recall(FOLLOW).installed_sequence == 1
    host.stop(NEW, 50, state)
    if restart:
        host.rig.restart()
    assert host.rig.journal.recall(FOLLOW).installed_sequence == 1
    host.rig.announce(NEWER, sequence=60, requires=Requires(minimum_sequence=50))
    assert host.current == NEW


def test_with_enough_signers_the_step_counts() -> None:
    host = Host()
    host.rig.announce(NEW, sequence=1)
    host.stop(NEW, 50, RolloutState.HELD)
    host.rig.announce(NEW, sequence=51)
    host.rig.announce(NEWER, sequence=60, requires=Requires(minimum_sequence=50))
    assert host.current == NEWER


@pytest.mark.parametrize("state", STOPS)
def test_a_stop_of_the_previous_image_does_not_lift_it_over_the_floor(state: RolloutState) -> None:
    host = Host()
    host.rig.announce(NEW, sequence=1)
    host.rig.announce(NEWER, sequence=2, floor=2)
    assert host.rig.ask("rollback")["code"] == Code.STATEMENT_FLOOR
    host.stop(NEW, 3, state)
    host.rig.announce(NEWER, sequence=4, floor=2)  # what was held is done with: nothing is in the way
    assert host.rig.ask("rollback")["code"] == Code.STATEMENT_FLOOR
    assert host.current == NEWER


def test_a_rollback_goes_back_to_the_sequence_that_brought_the_image() -> None:
    host = Host()
    host.rig.announce(NEW, sequence=1)
    host.rig.announce(NEWER, sequence=2)
    host.stop(NEW, 50, RolloutState.REVOKED)
    host.rig.ask("rollback")
    assert host.current == NEW
    assert host.rig.journal.recall(FOLLOW).installed_sequence == 1


def test_an_image_that_was_only_ever_revoked_came_by_no_sequence() -> None:
    host = Host()
    host.rig.announce(NEW, sequence=1)
    host.stop(OLD, 50, RolloutState.REVOKED)
    host.rig.ask("rollback")
    assert host.current == OLD
    assert host.rig.journal.recall(FOLLOW).installed_sequence == 0

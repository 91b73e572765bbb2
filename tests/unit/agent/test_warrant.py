"""Trust that is taken away reaches an update that waits: its statement is judged again before activation."""

from __future__ import annotations

import pytest

from tests.fakes.engine import FakeEngine
from tests.support.rig import Rig
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.manners import Manners
from tidegate_agent.windows import Schedule
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step


@pytest.fixture
def rig() -> Rig:
    """A host on which a person has to approve."""
    return Rig(manners=Manners(Schedule(), approval_required=True))


def approve(rig: Rig) -> None:
    assert rig.ask("approve", now=True)["ok"]
    rig.settle()


def test_an_update_whose_signer_is_still_trusted_goes_on(rig: Rig) -> None:
    rig.announce(NEW)
    rig.restart()
    approve(rig)
    assert rig.image.status().current == NEW


def test_an_update_whose_signer_was_taken_out_does_not(rig: Rig) -> None:
    message = rig.announce(NEW)
    assert rig.image.status().staged == NEW
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "a stranger now")
    approve(rig)
    assert (rig.image.status().current, rig.image.status().staged) == (OLD, None)
    last = rig.events()[-1].data
    assert (last.step, last.code) == (Step.FAILED, Code.SIGNATURE_IDENTITY)


def test_it_does_not_depend_on_the_broker_to_deliver_it_again(rig: Rig) -> None:
    message = rig.announce(NEW)
    rig.verifier.refuse(message, Code.SIGNATURE_ROOT, "the key is gone")
    rig.broker.retained.clear()
    rig.restart()
    approve(rig)
    assert rig.image.status().current == OLD


def test_the_newest_statement_of_the_image_counts(rig: Rig) -> None:
    first = rig.announce(NEW)
    rig.announce(NEW, sequence=2)
    rig.verifier.refuse(first, Code.SIGNATURE_IDENTITY, "a stranger now")
    approve(rig)
    assert rig.image.status().current == NEW


def test_a_verifier_that_dies_once_is_asked_again(rig: Rig) -> None:
    rig.announce(NEW)
    rig.verifier.die()
    approve(rig)
    assert rig.image.status().current == NEW


def test_a_verifier_that_gives_no_verdict_at_all_is_a_refusal(rig: Rig) -> None:
    message = rig.announce(NEW)
    rig.verifier.refuse(message, Code.VERIFY_FAILED, "out of memory")
    approve(rig)
    assert rig.image.status().current == OLD
    assert rig.events()[-1].data.code is Code.VERIFY_FAILED


def test_what_runs_already_needs_no_warrant(rig: Rig) -> None:
    message = rig.announce(NEW)
    rig.verifier.meanwhile = lambda: None
    engine = rig.image
    assert isinstance(engine, FakeEngine)
    engine.activate(NEW)
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "a stranger now")
    approve(rig)
    assert engine.status().current == NEW


def test_a_message_that_was_set_aside_does_not_take_the_place_of_the_one_in_progress(rig: Rig) -> None:
    rig.announce(NEW)
    rig.announce(NEWER, sequence=2)
    approve(rig)
    assert rig.image.status().current == NEWER

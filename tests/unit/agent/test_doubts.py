"""What was refused for a reason that may pass is judged again: nothing true is kept out for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.rig import TOPICS, Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.reconciliation import AFTER_A_DOUBT
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

MINUTE = timedelta(minutes=1)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_statement_from_the_future_is_asked_for_again(rig: Rig) -> None:
    rig.announce(NEW, issued_at=rig.clock.now() + 6 * MINUTE)
    assert rig.steps() == [Step.REJECTED]
    rig.advance(AFTER_A_DOUBT - MINUTE)
    assert rig.image.status().current == OLD
    rig.advance(MINUTE)
    assert rig.image.status().current == NEW


def test_a_verifier_that_died_is_asked_again(rig: Rig) -> None:
    rig.verifier.die()
    rig.announce(NEW)
    assert rig.events()[-1].data.code is Code.VERIFY_FAILED
    rig.advance(AFTER_A_DOUBT)
    assert rig.image.status().current == NEW


def test_repeating_a_doubtful_message_does_not_put_the_question_off(rig: Rig) -> None:
    rig.announce(NEW, issued_at=rig.clock.now() + 6 * MINUTE)
    for _ in range(10):
        old = rig.verifier.sign(b"{}")
        rig.verifier.refuse(old, Code.STATEMENT_EXPIRED, "old")
        rig.broker.publish(TOPICS.channel("os", "stable"), old)
        rig.settle()
        rig.advance(MINUTE)
    assert rig.image.status().current == NEW


def test_a_refusal_for_good_stays_one(rig: Rig) -> None:
    message = rig.verifier.sign(b"{}")
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "a stranger")
    rig.say(message)
    asked = len(rig.verifier.asked)
    rig.say(message)
    rig.advance(AFTER_A_DOUBT)
    assert len(rig.verifier.asked) == asked

"""The agent on fakes, where an image's signature comes late, or the verifying process broke once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.rig import Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.errors import RefusedError
from tidegate_agent.machine.rules import Rules
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

PATIENCE = timedelta(days=1)
MAY_PASS = [Code.IMAGE_UNSIGNED, Code.VERIFY_FAILED, Code.TRUST_ROOT_MISSING]


@pytest.mark.parametrize("code", MAY_PASS)
def test_what_may_pass_costs_a_pause(code: Code) -> None:
    rig = Rig()
    rig.signatures.fail(RefusedError(code, "once"), RefusedError(code, "twice"))
    rig.announce(NEW)
    (waiting,) = (event.data for event in rig.events() if event.data.step is Step.WAITING)
    assert (waiting.code, rig.image.calls) == (code, [])
    rig.advance(Rules().retry_after)
    rig.advance(2 * Rules().retry_after)
    assert rig.image.status().current == NEW
    assert (rig.signatures.asked, rig.steps()[-1]) == ([NEW] * 3, Step.SUCCEEDED)


@pytest.mark.parametrize("code", MAY_PASS)
def test_it_is_not_tried_for_ever(code: Code) -> None:
    rig = Rig()
    rig.signatures.error = RefusedError(code, "always")
    rig.announce(NEW)
    for _ in range(48):
        rig.advance(PATIENCE / 48)
    assert rig.signatures.asked == [NEW] * Rules().stage_attempts
    assert (rig.events()[-1].data.step, rig.events()[-1].data.code) == (Step.FAILED, code)
    assert (rig.image.calls.count(f"stage {NEW}"), rig.image.status().current) == (0, OLD)


def test_a_signature_that_does_not_hold_is_final() -> None:
    rig = Rig()
    rig.signatures.fail(RefusedError(Code.IMAGE_SIGNATURE, "by a stranger"))
    rig.announce(NEW)
    rig.advance(PATIENCE)
    assert (rig.signatures.asked, rig.events()[-1].data.code) == ([NEW], Code.IMAGE_SIGNATURE)

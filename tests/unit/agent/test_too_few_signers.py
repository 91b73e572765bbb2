"""What fewer signers than the policy asks for can do to a host: stop a release, and nothing that lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.statements import NOON, a_statement
from tidegate_agent.admission import STOP_JUMP, Memory, Policy, admit
from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState

HELD = Rollout(seed="seed", state=RolloutState.HELD)
KNOWN = Memory(
    sequence=5,
    accepted="f" * 64,
    floor=2,
    expires=NOON + timedelta(days=1),
    issued_at=NOON - timedelta(days=1),
)


def _admit(memory: Memory, sequence: int, rollout: Rollout = HELD, floor: int = 0) -> Memory:
    statement = a_statement(sequence=sequence, rollout=rollout, floor=floor)
    return admit(statement, "a" * 64, memory, Policy(), NOON, enough=False)


def _refusal(memory: Memory, sequence: int, rollout: Rollout = HELD) -> Code:
    with pytest.raises(RefusedError) as caught:
        _admit(memory, sequence, rollout)
    return caught.value.code


def test_they_can_stop() -> None:
    assert _admit(KNOWN, 6) == replace(KNOWN, sequence=6, accepted="a" * 64)


def test_they_raise_no_floor_and_freshen_nothing() -> None:
    after = _admit(KNOWN, 6, floor=6)
    assert (after.floor, after.expires, after.issued_at) == (KNOWN.floor, KNOWN.expires, KNOWN.issued_at)


def test_they_can_end_freshness_sooner() -> None:
    soon = a_statement(sequence=6, rollout=HELD, expires=NOON + timedelta(hours=1))
    assert admit(soon, "a" * 64, KNOWN, Policy(), NOON, enough=False).expires == NOON + timedelta(hours=1)


def test_they_cannot_release() -> None:
    assert _refusal(KNOWN, 6, Rollout(seed="seed")) is Code.SIGNATURE_THRESHOLD


def test_they_cannot_drive_the_sequence_up() -> None:
    assert _admit(KNOWN, 5 + STOP_JUMP).sequence == 5 + STOP_JUMP
    assert _refusal(KNOWN, 6 + STOP_JUMP) is Code.STATEMENT_FAST_FORWARD


def test_on_a_new_host_there_is_nothing_to_stop() -> None:
    assert _refusal(Memory(), 1) is Code.SIGNATURE_THRESHOLD

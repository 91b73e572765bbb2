"""What a host remembers after a reset: it goes back once, to where it was told, and to nothing older."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.requests import a_request
from tests.support.statements import NOON, a_statement
from tidegate_agent.admission import Memory, Policy, admit
from tidegate_agent.errors import RefusedError
from tidegate_agent.resets import reset_to, told
from tidegate_schemas.codes import Code
from tidegate_schemas.requests import Action, RequestPredicate

BREATH = timedelta(microseconds=1)
LATER = NOON + timedelta(minutes=10)
STOLEN = Memory(1_000_040, "thief", 1_000_000, NOON + timedelta(days=90), issued_at=NOON)
POLICY = Policy(max_jump=10)


def a_reset(sequence: int = 41, issued_at: datetime = LATER) -> RequestPredicate:
    return a_request(Action.RESET, sequence=sequence, issued_at=issued_at).predicate


def code_of(predicate: RequestPredicate, memory: Memory = STOLEN) -> Code | None:
    try:
        reset_to(predicate, memory, LATER)
    except RefusedError as error:
        return error.code
    return None


def accepts(memory: Memory, sequence: int, fingerprint: str = "print") -> Code | None:
    try:
        admit(a_statement(sequence=sequence), fingerprint, memory, POLICY, LATER)
    except RefusedError as error:
        return error.code
    return None


def test_what_is_remembered() -> None:
    after = reset_to(a_reset(), STOLEN, LATER)
    assert after == Memory(41, "", 41, LATER, issued_at=LATER, resets=1)
    again = reset_to(a_reset(7), after, LATER + BREATH)
    assert again == Memory(7, "", 7, LATER, issued_at=LATER, resets=2)


@pytest.mark.parametrize(
    ("sequence", "code"),
    [
        (40, Code.STATEMENT_ROLLBACK),
        (41, Code.STATEMENT_ROLLBACK),
        (42, None),
        (51, None),
        (52, Code.STATEMENT_FAST_FORWARD),
        (1_000_040, Code.STATEMENT_FAST_FORWARD),
    ],
)
def test_only_what_is_above_it_counts(sequence: int, code: Code | None) -> None:
    after = reset_to(a_reset(), STOLEN, LATER)
    assert accepts(after, sequence) is code


def test_not_even_what_has_no_fingerprint_counts_again() -> None:
    """An empty one is no statement's; but no check should hang on that."""
    assert accepts(reset_to(a_reset(), STOLEN, LATER), 41, "") is Code.STATEMENT_ROLLBACK


@pytest.mark.parametrize("floor", [0, 1, 40, 41, 42, 1_000_000])
def test_the_floor_falls_to_the_sequence_and_no_further(floor: int) -> None:
    assert reset_to(a_reset(), replace(STOLEN, floor=floor), LATER).floor == min(floor, 41)


@pytest.mark.parametrize("expires", [None, LATER - BREATH, LATER + BREATH])
def test_nobody_vouches_for_the_channel_until_a_statement_comes(expires: datetime | None) -> None:
    after = reset_to(a_reset(), replace(STOLEN, expires=expires), LATER)
    assert after.expires == (LATER - BREATH if expires == LATER - BREATH else LATER)


@pytest.mark.parametrize(
    ("sequence", "code"),
    [(1_000_039, None), (1_000_040, Code.REQUEST_POINTLESS), (1_000_041, Code.REQUEST_POINTLESS)],
)
def test_it_goes_back_and_never_ahead(sequence: int, code: Code | None) -> None:
    assert code_of(a_reset(sequence)) is code


def test_there_is_nothing_to_reset_on_a_host_without_history() -> None:
    assert code_of(a_reset(1), Memory()) is Code.REQUEST_POINTLESS


@pytest.mark.parametrize(
    ("issued_at", "code"), [(NOON - BREATH, Code.REQUEST_OVERTAKEN), (NOON, None), (NOON + BREATH, None)]
)
def test_what_was_accepted_since_it_was_signed_stays(issued_at: datetime, code: Code | None) -> None:
    assert code_of(a_reset(issued_at=issued_at)) is code


def test_a_statement_that_was_issued_before_a_reset_does_not_revive_an_older_reset() -> None:
    after = reset_to(a_reset(), STOLEN, LATER)
    accepted = admit(a_statement(sequence=42, issued_at=NOON), "print", after, POLICY, LATER)
    assert (accepted.issued_at, accepted.resets) == (LATER, 1)
    assert code_of(a_reset(issued_at=LATER - BREATH), accepted) is Code.REQUEST_OVERTAKEN


def test_it_is_told_from_what_to_what() -> None:
    after = reset_to(a_reset(), STOLEN, LATER)
    assert told(STOLEN, after) == "from sequence 1000040 to 41, floor from 1000000 to 41"
    assert told(replace(STOLEN, floor=3), after=replace(after, floor=3)) == "from sequence 1000040 to 41"


sequences = st.integers(1, 30)
minutes = st.integers(0, 5).map(lambda number: timedelta(minutes=number))
words = st.tuples(st.sampled_from(["statement", "reset"]), sequences, st.integers(0, 30), minutes)


@given(st.lists(words, max_size=20))
def test_after_each_reset_nothing_up_to_it_is_accepted(said: list[tuple[str, int, int, timedelta]]) -> None:
    """Whoever holds messages back may deliver them in any order; only a reset signed later goes lower."""
    memory, newest = Memory(), None
    for kind, sequence, floor, after in said:
        issued_at, before = NOON + after, memory
        try:
            if kind == "reset":
                memory = reset_to(a_reset(sequence, issued_at), memory, LATER)
            else:
                lowest = min(floor, sequence)
                statement = a_statement(sequence=sequence, floor=lowest, issued_at=issued_at)
                memory = admit(statement, f"{sequence} {after}", memory, POLICY, LATER)
        except RefusedError:
            continue
        if kind == "reset":
            assert memory.sequence < before.sequence
            assert newest is None or issued_at >= newest
            assert memory.floor == min(before.floor, memory.sequence)
        else:
            assert memory.sequence >= before.sequence
            assert memory.sequence > before.sequence or before.accepted
            assert memory.floor >= before.floor
        newest = max(newest or issued_at, issued_at)

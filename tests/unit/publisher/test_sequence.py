from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.properties import SLOW_MACHINES
from tidegate_publisher.sequence import choose_sequence, may_replace
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable

_SEQUENCE = st.integers(min_value=1, max_value=limits.SEQUENCE)


def refusal(attempt: Callable[[], object]) -> Code:
    with pytest.raises(TidegateError) as caught:
        attempt()
    return caught.value.code


@SLOW_MACHINES
@given(st.none() | _SEQUENCE, st.none() | _SEQUENCE)
def test_what_is_chosen_is_above_what_is_announced(announced: int | None, wanted: int | None) -> None:
    possible = (announced or 0) < limits.SEQUENCE if wanted is None else wanted > (announced or 0)
    if not possible:
        assert refusal(lambda: choose_sequence(announced, wanted)) is Code.SEQUENCE_LOWER
        return
    chosen = choose_sequence(announced, wanted)
    assert (announced or 0) < chosen <= limits.SEQUENCE
    assert chosen == wanted or wanted is None


def test_the_first_and_the_last() -> None:
    assert choose_sequence(None, None) == 1
    with pytest.raises(TidegateError, match="the highest sequence there is"):
        choose_sequence(limits.SEQUENCE, None)


@SLOW_MACHINES
@given(_SEQUENCE, _SEQUENCE, st.booleans())
def test_a_finished_statement_replaces_only_a_lower_one(announced: int, sequence: int, same: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    if sequence < announced:
        assert refusal(lambda: may_replace(announced, sequence, same_content=same)) is Code.SEQUENCE_LOWER
    else:
        assert may_replace(announced, sequence, same_content=True) is (sequence > announced)


@SLOW_MACHINES
@given(_SEQUENCE)
def test_an_equal_sequence_with_other_content_is_equivocation(sequence: int) -> None:
    assert may_replace(sequence, sequence, same_content=True) is False
    found = refusal(lambda: may_replace(sequence, sequence, same_content=False))
    assert found is Code.STATEMENT_EQUIVOCATION

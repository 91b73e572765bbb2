from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleets import at
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.plain import distance, plain, span
from tidegate_fleet.watch.rows import PHASES, SIGNS, bar, wrapped

COUNTS = st.dictionaries(st.sampled_from(list(Phase)), st.integers(1, 10**6), min_size=1)


@given(COUNTS, st.integers(7, 200))
def test_a_bar_has_its_width_and_a_sign_for_everybody(counts: dict[Phase, int], width: int) -> None:
    drawn = "".join(text for text, _ in bar(counts, width))
    assert len(drawn) == width
    assert set(drawn) == {SIGNS[phase] for phase in counts}
    assert "".join(dict.fromkeys(drawn)) == "".join(sign for phase, sign, _ in PHASES if phase in counts)


@given(COUNTS, st.integers(1, 6))
def test_a_bar_that_is_too_short_for_all_keeps_its_width(counts: dict[Phase, int], width: int) -> None:
    assert len("".join(text for text, _ in bar(counts, width))) == width


def test_a_bar_is_in_proportion() -> None:
    drawn = bar({Phase.SUCCEEDED: 500, Phase.FAILED: 1, Phase.PENDING: 499}, 20)
    assert "".join(text for text, _ in drawn) == "█" * 10 + "x" + "·" * 9


def test_a_bar_of_nobody_is_blank() -> None:
    assert "".join(text for text, _ in bar({}, 5)) == "     "


def test_every_state_has_a_sign_of_its_own() -> None:
    assert len(set(SIGNS.values())) == len(Phase)


@given(st.text(alphabet="ab ", max_size=300), st.integers(3, 40))
def test_wrapped_words_fit_and_none_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_times_are_short() -> None:
    assert [span(timedelta(days=13, hours=23, minutes=5)), span(timedelta(seconds=250))] == [
        "13d23h",
        "4m10s",
    ]
    assert [span(timedelta(0)), span(timedelta(hours=1))] == ["0s", "1h"]
    assert [distance(at(60), at(0)), distance(at(0), at(61))] == ["in 1m", "1m1s ago"]


def test_words_from_outside_drive_no_terminal() -> None:
    shown = plain("a\x1b[2Jb\u202ec\nd" + "e" * 500)
    assert shown.startswith("a\ufffd[2Jb\ufffdc d")
    assert len(shown) <= 301
    assert shown.isprintable()


@pytest.mark.parametrize("width", [0, -6])
def test_without_any_room_there_is_a_line_for_each_letter(width: int) -> None:
    assert wrapped("ab c", width) == ["a", "b", "c"]

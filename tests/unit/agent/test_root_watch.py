"""When a root ends, and what is said about it before it does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.statements import NOON
from tidegate_agent.root_watch import End, RootInForce, ends_of_keys, ends_of_metadata, warnings
from tidegate_wire.trust.root import PUBLIC_GOOD, PinnedRoot, TrustedParty, Window, load_root

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
TICK = timedelta(microseconds=1)
Days = tuple[int, int | None]


def party(window: Days | None) -> TrustedParty:
    """A party that is valid from one day to another, counted from NOON."""
    if window is None:
        return TrustedParty({}, None)
    start, end = window
    return TrustedParty({}, Window(start=NOON + start * DAY, end=None if end is None else NOON + end * DAY))


def a_root(*authorities: Days | None, stamps: tuple[Days | None, ...] = ()) -> PinnedRoot:
    """A root with these certificate authorities, and logs for ever."""
    for_ever = (party(None),)
    return PinnedRoot(
        "the test", "", tuple(map(party, authorities)), for_ever, for_ever, tuple(map(party, stamps))
    )


def in_force(*ends: End) -> RootInForce:
    return RootInForce("/root.json", "sha256:" + "a" * 64, ends)


@pytest.mark.parametrize(
    ("windows", "days"),
    [
        ([None], None),
        ([(-5, None)], None),
        ([(-5, 3)], 3),
        ([(-5, 3), (-5, 9)], 9),
        ([(-5, 3), (2, 9)], 9),
        ([(-5, 3), (3, None)], None),
        ([(-5, 3), (4, None)], 3),
        ([(-9, -5), (-5, 3)], 3),
    ],
)
def test_the_last_one_of_a_kind_ends(windows: list[Days | None], days: int | None) -> None:
    ends = ends_of_keys(a_root(*windows), NOON)
    if days is None:
        assert ends == ()
    else:
        assert ends == (End("its last certificate authority", NOON + days * DAY + TICK),)


def test_what_has_ended_is_told_by_its_own_day() -> None:
    assert [end.at for end in ends_of_keys(a_root((-9, -4), (-8, -2)), NOON)] == [NOON - 2 * DAY]


def test_what_has_not_begun_is_told_by_the_same_words_all_day() -> None:
    root = a_root((5, 9))
    assert ends_of_keys(root, NOON) == ends_of_keys(root, NOON + timedelta(hours=11))


def test_a_kind_without_anybody_has_ended_unless_nobody_needs_it() -> None:
    assert [end.what for end in ends_of_keys(a_root(), NOON)] == ["its last certificate authority"]
    stamped = ends_of_keys(a_root(None, stamps=((-5, 3),)), NOON)
    assert [end.what for end in stamped] == ["its last timestamp authority"]


def test_an_end_beyond_all_reckoning_is_none() -> None:
    far = Window.model_validate({"start": NOON, "end": "9999-12-31T23:59:59.999999Z"})
    root = PinnedRoot("", "", (TrustedParty({}, far),), (party(None),), (party(None),), ())
    assert ends_of_keys(root, NOON) == ()


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20) | st.none()), max_size=6))
def test_until_then_somebody_is_valid_and_then_nobody_is(windows: list[Days]) -> None:
    root = a_root(*windows)

    def covered(days: int) -> bool:
        moment = frozenset({NOON + days * DAY})
        return any(one.valid_at(moment) for one in root.certificate_authorities)

    found = [end.at for end in ends_of_keys(root, NOON)]
    if not found:
        assert all(covered(days) for days in range(60))
    elif found[0] <= NOON:
        assert not covered(0)
    else:
        until = (found[0] - NOON).days
        assert all(covered(days) for days in range(until + 1))
        assert not any(one.valid_at(frozenset({found[0]})) for one in root.certificate_authorities)


def test_the_public_good_root_has_parties_that_are_still_open() -> None:
    whats = {end.what for end in ends_of_keys(load_root(PUBLIC_GOOD), NOON)}
    assert whats <= {"its last timestamp authority"}, "authority and logs have no end yet"


def test_warnings_begin_in_time_and_stay_the_same() -> None:
    root = in_force(End("its last transparency log", NOON + 10 * DAY))
    assert warnings(root, NOON, WEEK, None) == ()
    (told,) = warnings(root, NOON + 3 * DAY, WEEK, None)
    assert told == "the trusted root /root.json: its last transparency log ends at 2026-03-12 12:00Z"
    assert warnings(root, NOON + 9 * DAY, WEEK, None) == (told,)
    (after,) = warnings(root, NOON + 10 * DAY, WEEK, None)
    assert after == told.replace("ends", "ended")


def test_what_machines_renew_is_told_only_when_the_next_refresh_is_too_late() -> None:
    expires = {
        "root": NOON + 3 * DAY,
        "timestamp": NOON + DAY,
        "snapshot": NOON + DAY,
        "targets": NOON + 2 * DAY,
    }
    root = in_force(*ends_of_metadata(expires.items()))
    every = timedelta(hours=6)
    told = warnings(root, NOON, WEEK, every)
    assert [text.split(": ")[1].split(" ends")[0] for text in told] == [
        "the repository's targets.json",
        "the repository's root.json",
    ]
    assert len(warnings(root, NOON + DAY - every, WEEK, every)) == 4
    assert root.expires == NOON + DAY

"""Which word of a host counts: whatever the order in which they come, and whatever its clock says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.host_words import A, B, a_follow, after_noon, says, told
from tests.support.statements import NOON, digest_of
from tidegate_fleet.order import OUTLIVED, after, forgotten
from tidegate_fleet.standing import Phase, Standing, told_by_event, told_by_status
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tidegate_schemas.status import FollowStatus

LATER = timedelta(days=2)
"""How long after the first word of a story its words come: a host's clock is never ahead of ours there."""


def event(step: Step, at: float = 0, heard: datetime | None = None, **changes: object) -> Standing:
    standing = told_by_event(told(step, after_noon(at), **changes).event, heard or after_noon(at))  # type: ignore[arg-type] # any field
    assert standing is not None
    return standing


def status(follow: FollowStatus, at: float = 0, heard: float | None = None) -> Standing:
    moment = after_noon(at if heard is None else heard)
    standing = told_by_status(says(at=after_noon(at)), follow, moment)
    assert standing is not None
    return standing


def fold(words: Iterable[Standing]) -> Standing:
    """Where a host stands that has said all this."""
    stands: Standing | None = None
    for word in words:
        stands = after(stands, word) or stands
    assert stands is not None
    return stands


def place(standing: Standing) -> tuple[object, ...]:
    return standing.resets, standing.sequence, standing.digest, standing.attempt, standing.step


# Stories: what a host may say of a channel, told by it in this order

WAYS: tuple[tuple[Step, ...], ...] = (
    (),
    (Step.STAGING,),
    (Step.WAITING, Step.STAGING, Step.STAGED),
    (Step.STAGING, Step.STAGED, Step.WAITING),
    (Step.STAGING, Step.STAGED, Step.WAITING, Step.ACTIVATING),
    (Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.REBOOTING, Step.PROVING),
    (Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.PROVING, Step.ROLLING_BACK),
)
BEFORE_ACTIVATION = (Step.FAILED, Step.SUPERSEDED, Step.CANCELLED)
ENDS = {
    Step.PROVING: (Step.SUCCEEDED, Step.FAILED),
    Step.ROLLING_BACK: (Step.ROLLED_BACK, Step.FAILED),
    Step.ACTIVATING: (Step.FAILED,),
}
AFTER_ENDS = {
    Step.SUCCEEDED: (Step.ROLLING_BACK, Step.ROLLED_BACK),
    Step.FAILED: (Step.PROVING, Step.SUCCEEDED),
    Step.CANCELLED: (Step.PROVING, Step.SUCCEEDED),
}


@st.composite
def _attempts(draw: st.DrawFn, digest: str, sequence: int, first: int) -> list[dict[str, object]]:
    """The events of one release: attempts that are made again, and the last one."""
    said: list[dict[str, object]] = [{"step": Step.ACCEPTED}]
    tries, way = draw(st.integers(0, 2)), tuple[Step, ...]()
    for attempt in range(first, first + tries + 1):
        way = draw(st.sampled_from(WAYS if attempt == first + tries else WAYS[1:5]))
        said += [{"step": step, "attempt": attempt} for step in way]
        if attempt < first + tries:
            said.append({"step": Step.WAITING, "attempt": attempt, "waiting_for": "retry"})
    last = way[-1] if way else Step.ACCEPTED
    if draw(st.booleans()):
        end = draw(st.sampled_from(ENDS.get(last, BEFORE_ACTIVATION)))
        said.append({"step": end})
        if end in AFTER_ENDS and draw(st.booleans()):
            said += [{"step": step} for step in AFTER_ENDS[end]]
    attempts = accumulate((int(str(each.get("attempt", first))) for each in said), max)
    both = zip(said, attempts, strict=True)
    return [{"digest": digest, "sequence": sequence, **each, "attempt": attempt} for each, attempt in both]


@st.composite
def stories(draw: st.DrawFn, *, sane: bool = True) -> list[Standing]:
    """All events of a host about one channel, in the order in which it told them.

    Args:
        draw: hypothesis's.
        sane: whether its clock only goes forward. Otherwise it leaps about, and ends are ends.
    """
    tried: dict[str, int] = {}
    said: list[dict[str, object]] = []
    sequence = resets = 0
    for digest in draw(st.lists(st.sampled_from((A, B, digest_of("c"))), min_size=1, max_size=4)):
        if sequence > 1 and draw(st.integers(0, 5)) == 0:
            resets, sequence = resets + 1, 0
        sequence += draw(st.integers(1, 3))
        events = draw(_attempts(digest, sequence, tried.get(digest, 0) + 1))
        tried[digest] = int(str(events[-1]["attempt"]))
        said += [{**each, "resets": resets} for each in events]
    span = st.integers(1, 3600) if sane else st.integers(-100_000, 100_000)
    moments = list(accumulate(draw(st.lists(span, min_size=len(said), max_size=len(said)))))
    told_ = [event(at=at, **each) for at, each in zip(moments, said, strict=True)]  # type: ignore[arg-type] # any field
    if not sane:
        told_ = [each for each in told_ if each.step is not Step.ROLLING_BACK or not _is_late(each, told_)]
    return told_


def _is_late(word: Standing, story: Sequence[Standing]) -> bool:
    return any(each.phase.final and each.attempt == word.attempt for each in story[: story.index(word)])


def arriving(words: Sequence[Standing]) -> list[Standing]:
    """The same words as they come in, one a second, long after they were said."""
    return [replace(word, heard=NOON + LATER + timedelta(seconds=n)) for n, word in enumerate(words)]


@given(stories(), st.data())
def test_the_events_of_a_sane_clock_lead_to_one_standing_in_any_order(
    story: list[Standing], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(story), max_size=5))
    mixed = data.draw(st.permutations(story + again))
    assert place(fold(arriving(mixed))) == place(story[-1])


@given(stories(sane=False))
def test_in_their_order_events_end_at_the_last_ones_release_whatever_the_clock_says(
    story: list[Standing],
) -> None:
    last = fold(arriving(story))
    assert place(last)[:4] == place(story[-1])[:4]


@given(st.sampled_from(WAYS[4:]), st.lists(st.integers(-100_000, 100_000), min_size=9, max_size=9))
def test_a_clock_that_leaps_hides_neither_that_a_host_activates_nor_its_end(
    way: tuple[Step, ...], moments: list[int]
) -> None:
    end = ENDS.get(way[-1], (Step.FAILED,))[0]
    words = [event(step, at) for step, at in zip((*way, end), moments, strict=False)]
    words = arriving(words)
    assert fold(words[:-1]).phase is Phase.ACTIVATING
    assert fold(words).step is end


# Single rules


def test_a_redelivery_takes_no_progress_back() -> None:
    done = fold([event(Step.STAGING, 1), event(Step.SUCCEEDED, 9)])
    for old in (event(Step.STAGING, 1), event(Step.SUCCEEDED, 9)):
        assert after(done, old) is None


def test_a_later_attempt_counts_though_the_clock_was_set_back() -> None:
    failed = event(Step.FAILED, 100)
    assert fold([failed, event(Step.ACCEPTED, 5, attempt=2)]).step is Step.ACCEPTED


def test_an_image_whose_attempts_were_forgotten_counts_from_one_again() -> None:
    failed = event(Step.FAILED, 1, attempt=7, sequence=3)
    assert fold([failed, event(Step.ACCEPTED, 2, attempt=1, sequence=9)]).attempt == 1


def test_after_a_reset_a_lower_sequence_is_the_later_one() -> None:
    before = event(Step.SUCCEEDED, 1, sequence=50)
    reset = event(Step.ACCEPTED, 2, sequence=4, digest=B, resets=1)
    assert fold([before, reset]).digest == B
    assert fold([reset, before]).digest == B


def test_a_host_that_forgot_its_attempts_is_heard_by_its_clock() -> None:
    before = forgotten(event(Step.SUCCEEDED, 1, attempt=9))
    assert fold([before, event(Step.ACCEPTED, 2, attempt=1)]).step is Step.ACCEPTED
    assert after(before, event(Step.STAGING, 0, attempt=9)) is None


@pytest.mark.parametrize("years", [-50, 3, 70])
def test_a_wrong_clock_does_not_keep_what_is_told_later_from_counting(years: int) -> None:
    wrong = timedelta(days=365 * years)
    first = event(Step.STAGING, 0)
    ahead = replace(event(Step.WAITING, 60, waiting_for="window"), at=first.at + wrong, heard=after_noon(60))
    right = status(a_follow(state="staging", target=A, sequence=1), at=100)
    late = status(a_follow(state="staging", target=A, sequence=1), at=99, heard=101 + OUTLIVED.seconds)
    assert fold([ahead, right if years > 0 else late]).phase is Phase.STAGING


def test_an_older_statement_takes_nothing_back_whatever_the_clock_said_then() -> None:
    newer = event(Step.SUCCEEDED, 10, sequence=6, digest=B)
    for digest in (A, B):
        older = event(Step.STAGING, 9000, heard=after_noon(11), sequence=5, digest=digest)
        assert after(newer, older) is None


def test_a_status_and_its_event_are_one_word() -> None:
    follow = a_follow(state="staging", target=A, sequence=1)
    stands = fold([status(follow, 10), event(Step.STAGING, 9, attempt=3)])
    assert (stands.attempt, stands.by_status, stands.phase) == (3, True, Phase.STAGING)
    assert fold([stands, status(follow, 11)]).attempt == 3


def test_a_status_that_says_the_same_again_is_no_progress() -> None:
    follow = a_follow(state="proving", target=A, sequence=1)
    words = [event(Step.PROVING, 5), *(status(follow, 60.0 * minute) for minute in range(1, 90))]
    stands = fold(words)
    assert stands.since == after_noon(5)
    assert stands.heard == after_noon(60 * 89)


def test_a_status_of_before_counts_no_more() -> None:
    done = event(Step.SUCCEEDED, 100, heard=after_noon(100))
    assert after(done, status(a_follow(state="proving", target=A, sequence=1), at=90, heard=101)) is None


def test_a_status_that_comes_long_after_counts_whatever_its_clock_says() -> None:
    done = event(Step.ROLLING_BACK, 100)
    heard = 100 + OUTLIVED.total_seconds() + 1
    said = status(a_follow(state="waiting", target=A, sequence=1), at=-9000, heard=heard)
    assert fold([done, said]).phase is Phase.WAITING


def test_a_failure_of_before_does_not_follow_a_host_that_tries_again() -> None:
    tries = status(a_follow(state="staging", target=A, sequence=6), at=100)
    assert after(tries, event(Step.FAILED, 90, heard=after_noon(101), sequence=5)) is None


@pytest.mark.parametrize("state", ["idle", "verifying", "stale", "answered", "what a later agent calls it"])
def test_a_status_that_says_nothing_of_an_update_moves_nobody(state: str) -> None:
    assert told_by_status(says(), a_follow(state=state, target=A, sequence=1), NOON) is None


@pytest.mark.parametrize(
    ("follow", "phase"),
    [
        (a_follow(state="staged", target=A, sequence=1), Phase.STAGING),
        (a_follow(state="staged", target=A, sequence=1, waiting_for="window"), Phase.WAITING),
        (a_follow(state="rejected", target=A, sequence=1, code=Code.REQUIRES_MINIMUM), Phase.SKIPPED),
        (a_follow(state="rejected", target=A, sequence=1, code=Code.IMAGE_QUARANTINED), Phase.FAILED),
        (a_follow(state="rolled-back", target=A, sequence=1), Phase.FAILED),
    ],
)
def test_a_status_is_read_as_its_events_are(follow: FollowStatus, phase: Phase) -> None:
    assert status(follow).phase is phase

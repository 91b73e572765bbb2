"""Which events go when too many wait: progress first, then refusals, then milestones, and results never."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_agent.thinning import (
    AT_ONCE,
    ENOUGH,
    FAR_TOO_MANY,
    SPARED,
    Gist,
    Rank,
    gist,
    rank,
    superfluous,
)
from tidegate_schemas.events import Step, UpdateData

PROGRESS, REFUSAL, MILESTONE, RESULT = Rank
SAMPLES = {
    PROGRESS: Gist(0, Step.WAITING, has_percent=False, has_sequence=True, names_message=False),
    REFUSAL: Gist(0, Step.REJECTED, has_percent=False, has_sequence=False, names_message=False),
    MILESTONE: Gist(0, Step.STAGED, has_percent=False, has_sequence=True, names_message=False),
    RESULT: Gist(0, Step.SUCCEEDED, has_percent=False, has_sequence=True, names_message=False),
}


def waiting(*parts: tuple[Rank, int]) -> list[Gist]:
    ranks = [each for each, count in parts for _ in range(count)]
    return [SAMPLES[each]._replace(token=token) for token, each in enumerate(ranks, start=1)]


def left(events: list[Gist]) -> Counter[Rank]:
    gone = set(superfluous(events, len(events)))
    return Counter(rank(each) for each in events if each.token not in gone)


@pytest.mark.parametrize(
    ("step", "fields", "expected"),
    [
        (Step.STAGING, {"percent": 0, "sequence": 1}, PROGRESS),
        (Step.STAGING, {"sequence": 1}, MILESTONE),
        (Step.WAITING, {"sequence": 1}, PROGRESS),
        (Step.ACCEPTED, {"sequence": 1}, MILESTONE),
        (Step.ROLLING_BACK, {"sequence": 1}, MILESTONE),
        (Step.REJECTED, {}, REFUSAL),
        (Step.REJECTED, {"sequence": 1}, RESULT),
        (Step.STALE, {}, RESULT),
        (Step.ANSWERED, {"details": {"nonce": "x"}}, RESULT),
        (Step.ANSWERED, {"details": {"message": "sha256:x"}}, REFUSAL),
        (Step.FAILED, {"sequence": 1}, RESULT),
        (Step.ROLLED_BACK, {"sequence": 1}, RESULT),
        (Step.SUPERSEDED, {"sequence": 1}, RESULT),
        (Step.CANCELLED, {"sequence": 1}, RESULT),
    ],
)
def test_what_an_event_is_worth(step: Step, fields: dict[str, object], expected: Rank) -> None:
    data = UpdateData.model_validate({"product": "os", "channel": "stable", "step": step, **fields})
    assert rank(gist(1, data)) is expected


def test_a_step_of_a_newer_agent_is_kept() -> None:
    assert rank(SAMPLES[MILESTONE]._replace(step="frobnicated")) is RESULT


def test_the_oldest_progress_goes_first_but_for_what_may_be_on_its_way() -> None:
    events = waiting((PROGRESS, 300), (RESULT, ENOUGH))
    gone = superfluous(events, len(events))
    assert gone == list(range(SPARED + 1, 301))
    assert superfluous(waiting((PROGRESS, ENOUGH)), ENOUGH) == []
    assert superfluous(waiting((PROGRESS, ENOUGH + 1)), ENOUGH + 1) == list(range(17, 17 + AT_ONCE + 1))


def test_refusals_go_when_there_is_no_progress_left() -> None:
    events = waiting((REFUSAL, ENOUGH), (PROGRESS, 200), (RESULT, 200))
    assert left(events) == {REFUSAL: ENOUGH - 300, RESULT: 200}


def test_a_flood_of_refusals_does_not_cost_a_milestone() -> None:
    assert left(waiting((MILESTONE, 3000), (REFUSAL, 7000))) == {MILESTONE: 3000, REFUSAL: 1900}


def test_milestones_go_when_there_are_far_too_many() -> None:
    assert left(waiting((RESULT, 1000), (MILESTONE, 9000))) == {RESULT: 1000, MILESTONE: 9000}
    assert left(waiting((RESULT, 1001), (MILESTONE, 9000))) == {RESULT: 1001, MILESTONE: 8899}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(Rank), st.integers(1, 4000)), max_size=8))
def test_results_never_go_and_the_rest_is_bounded(parts: list[tuple[Rank, int]]) -> None:
    events = waiting(*parts)
    before, after = Counter(map(rank, events)), left(events)
    assert after[RESULT] == before[RESULT]
    assert after.total() <= max(FAR_TOO_MANY, before[RESULT] + SPARED)
    if before[PROGRESS] + before[REFUSAL] > after[PROGRESS] + after[REFUSAL] + SPARED:
        assert after.total() <= max(ENOUGH, before[RESULT] + before[MILESTONE] + SPARED)

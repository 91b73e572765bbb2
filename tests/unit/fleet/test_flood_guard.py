"""One host that talks without end is heard less, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fleets import said
from tests.support.properties import SLOW_MACHINES
from tidegate_fleet.guard import Allowance, HostGuard
from tidegate_schemas.events import Step

FEW = Allowance(burst=3, each_s=10, results=2)


def admitted(guard: HostGuard, host: str, step: Step, times: int, now_s: float = 0) -> int:
    return sum(guard.admits(said(host, step, index).event, now_s) for index in range(times))


def test_progress_is_heard_up_to_the_burst_and_results_beyond_it() -> None:
    guard = HostGuard(FEW)
    assert admitted(guard, "loud", Step.STAGING, 10) == 3
    assert admitted(guard, "loud", Step.SUCCEEDED, 10) == 2
    assert admitted(guard, "loud", Step.STAGING, 1) == 0


def test_others_are_heard_meanwhile() -> None:
    guard = HostGuard(FEW)
    admitted(guard, "loud", Step.STAGING, 10)
    assert admitted(guard, "quiet", Step.STAGING, 3) == 3


def test_time_brings_words_back_but_no_more_than_the_burst() -> None:
    guard = HostGuard(FEW)
    admitted(guard, "loud", Step.STAGING, 10)
    assert admitted(guard, "loud", Step.STAGING, 10, now_s=10) == 1
    assert admitted(guard, "loud", Step.STAGING, 10, now_s=10_000) == 3


@given(st.lists(st.floats(0, 30), max_size=80))
@SLOW_MACHINES
def test_nobody_is_heard_more_often_than_time_allows(pauses: list[float]) -> None:
    guard, now, heard = HostGuard(FEW), 0.0, 0
    for index, pause in enumerate(pauses):
        now += pause
        heard += guard.admits(said("loud", Step.SUCCEEDED, index).event, now)
    assert heard <= FEW.burst + FEW.results + now / FEW.each_s

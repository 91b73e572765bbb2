"""How far a release is: counts that are kept are those of counting anew, whatever hosts say."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.host_words import CHANNEL, A, B, a_follow, after_noon, says, told, will
from tests.support.statements import NOON, a_statement
from tidegate_fleet.hosts import Fleet
from tidegate_fleet.membership import NO_WAVE, membership
from tidegate_fleet.progress import Progress
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, Runner, Wave, wave_of
from tidegate_schemas.statement import Requires

if TYPE_CHECKING:
    from tidegate_fleet.words import HostEvent
    from tidegate_schemas.statement import ChannelStatement
    from tidegate_schemas.status import HostStatus

WAVES = Rollout(
    seed="s",
    waves=(
        Wave(name="canary", labels={"ring": "early"}),
        Wave(name="tenth", fraction=0.4),
        Wave(name="rest"),
    ),
)


def watched(statement: ChannelStatement | None = None) -> tuple[Fleet, Progress]:
    fleet = Fleet()
    progress = Progress(fleet, statement or a_statement(A))
    fleet.watch(progress)
    return fleet, progress


def after_words(*words: HostEvent | HostStatus, statement: ChannelStatement | None = None) -> Progress:
    fleet, progress = watched(statement)
    for number, word in enumerate(words):
        fleet.take(word, after_noon(number))
    return progress


def everything(progress: Progress, hosts: int) -> dict[str, Any]:
    """All that can be asked of it."""
    late = NOON + timedelta(days=9)
    return {
        "counts": dict(progress.counts),
        "places": {f"h{n}": progress.place(f"h{n}") for n in range(hosts)},
        "silent": {host.name for host in progress.silent(late, timedelta(0))},
        "failed": {code: one.hosts for code, one in progress.failures.items()},
        "waves": {name: progress.count(wave=name) for name in ("canary", "tenth", "rest", NO_WAVE)},
    }


# Anything that a host may say

HOSTS = 4
MOMENTS = st.integers(-10_000, 10_000).map(after_noon)
CODES = st.none() | st.sampled_from((Code.HEALTH_FAILED, Code.REQUIRES_ARCH, Code.IMAGE_UNREACHABLE))
EVENTS = st.builds(
    told,
    step=st.sampled_from(Step),
    at=MOMENTS,
    host=st.integers(0, HOSTS - 1).map("h{}".format),
    resets=st.integers(0, 2),
    sequence=st.none() | st.integers(1, 4),
    digest=st.sampled_from((A, B, None)),
    attempt=st.none() | st.integers(1, 3),
    channel=st.sampled_from(("stable", "beta")),
    code=CODES,
    waiting_for=st.none() | st.sampled_from(("window", "retry", "what is not known yet")),
    percent=st.none() | st.integers(0, 100),
)
FOLLOWS = st.builds(
    a_follow,
    state=st.sampled_from((*(step.value for step in Step), "idle", "verifying", "new")),
    target=st.sampled_from((A, B, None)),
    sequence=st.none() | st.integers(1, 4),
    channel=st.sampled_from(("stable", "beta")),
    waiting_for=st.none() | st.just("window"),
    code=CODES,
)
STATUSES = st.builds(
    lambda follows, **rest: says(*follows, **rest),
    follows=st.lists(FOLLOWS, max_size=3),
    host=st.integers(0, HOSTS - 1).map("h{}".format),
    at=MOMENTS,
    born=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    labels=st.sampled_from(({}, {"ring": "early"}, {"ring": "late"})),
    arch=st.sampled_from(("amd64", "arm64")),
)
WILLS = st.builds(will, host=st.just("h0"), at=MOMENTS, born=st.tuples(st.integers(0, 3), st.integers(0, 3)))
RELEASES = st.builds(
    a_statement,
    digest=st.sampled_from((A, B)),
    sequence=st.integers(1, 4),
    rollout=st.sampled_from((Rollout(seed="s"), WAVES, WAVES.model_copy(update={"seed": "t"}))),
    requires=st.sampled_from((Requires(), Requires(arch=("amd64",)), Requires(labels={"ring": "early"}))),
)


@given(st.lists(EVENTS | STATUSES | WILLS | RELEASES, max_size=40))
def test_the_counts_are_those_of_counting_anew_whatever_is_said(words: list[Any]) -> None:
    fleet, progress = watched()
    for number, word in enumerate(words):
        if hasattr(word, "predicate"):
            progress.restate(word)
        else:
            fleet.take(word, after_noon(number))
        anew = everything(Progress(fleet, progress.statement), HOSTS)
        assert everything(progress, HOSTS) == anew
    assert all(number > 0 for number in progress.counts.values())
    assert progress.count() == sum(1 for _ in progress.hosts())


# Single rules


def widened(fraction: float, whole: float | None, sequence: int = 1) -> ChannelStatement:
    """A wave that a budget widens, and one after it."""
    runner = Runner(id="ci-77", process="1", wave="half", began_at=NOON, whole=whole)
    waves = (Wave(name="half", fraction=fraction, open=True), Wave(name="rest"))
    return a_statement(A, sequence=sequence, rollout=Rollout(seed="s", waves=waves, runner=runner))


def test_who_waits_for_a_budget_belongs_to_the_wave_that_it_widens() -> None:
    hosts = [says(a_follow(), host=f"h{number}") for number in range(40)]
    whole = after_words(*hosts, statement=widened(0.5, None))
    narrow = after_words(*hosts, statement=widened(0.1, 0.5))
    assert {name for name, _ in narrow.counts} == {"half", "rest"}
    assert narrow.counts == whole.counts
    assert [narrow.place(f"h{number}") for number in range(40)] == [
        whole.place(f"h{number}") for number in range(40)
    ]


def test_a_wave_that_widens_moves_nobody() -> None:
    fleet, progress = watched(widened(0.1, 0.5))
    for number in range(40):
        fleet.take(says(a_follow(), host=f"h{number}"), NOON)
    before = dict(progress.counts)
    assert membership(widened(0.1, 0.5)) == membership(widened(0.3, 0.5)) == membership(widened(0.5, None))
    assert membership(widened(0.1, 0.5)) != membership(widened(0.1, None))
    progress.restate(widened(0.5, None, sequence=2))
    assert progress.counts == before


def test_who_follows_the_channel_counts_before_it_says_a_word() -> None:
    progress = after_words(says(a_follow(), host="h0"), says(a_follow(channel="beta"), host="h1"), will("h2"))
    assert progress.counts == {(NO_WAVE, Phase.PENDING): 1}


def test_a_host_that_changes_its_labels_changes_its_wave() -> None:
    statement = a_statement(A, rollout=WAVES)
    early = says(a_follow(), host="h0", labels={"ring": "early"})
    late = says(a_follow(), host="h0", labels={"ring": "late"}, born=(2, 1))
    assert after_words(early, statement=statement).place("h0") == ("canary", Phase.PENDING)
    by_hash = wave_of(WAVES, "h0", {})
    assert by_hash is not None
    assert after_words(early, late, statement=statement).place("h0") == (by_hash.name, Phase.PENDING)


def test_who_has_gone_on_to_a_later_release_has_let_this_one_go() -> None:
    done, gone_on = told(Step.SUCCEEDED), told(Step.ACCEPTED, after_noon(9), digest=B, sequence=2)
    follows = says(a_follow())
    progress = after_words(follows, done, gone_on)
    assert progress.place("edge-1") == (NO_WAVE, Phase.SKIPPED)
    progress.restate(a_statement(A, sequence=3))
    assert progress.place("edge-1") == (NO_WAVE, Phase.PENDING)


@pytest.mark.parametrize("code", [Code.REQUIRES_ARCH, Code.REQUIRES_LABELS])
def test_who_a_release_is_not_for_is_not_counted(code: Code) -> None:
    assert after_words(told(Step.REJECTED, code=code)).counts == {}


def test_who_needs_a_stepping_stone_first_is_seen_and_has_not_failed() -> None:
    progress = after_words(told(Step.REJECTED, code=Code.REQUIRES_MINIMUM))
    assert progress.counts == {(NO_WAVE, Phase.SKIPPED): 1}


def test_failures_are_grouped_by_code_with_the_reason_that_was_heard_last() -> None:
    ahead = NOON + timedelta(days=9000)
    progress = after_words(
        told(Step.FAILED, ahead, host="h0", code=Code.HEALTH_FAILED, reason="an old liar"),
        told(Step.ROLLED_BACK, host="h1", code=Code.HEALTH_FAILED, reason="web: 503"),
        told(Step.FAILED, host="h2"),
    )
    failed = progress.failures[Code.HEALTH_FAILED]
    assert (failed.hosts, failed.reason, failed.host) == ({"h0", "h1"}, "web: 503", "h1")
    assert progress.failures[None].hosts == {"h2"}


def test_who_tries_again_has_failed_no_longer() -> None:
    progress = after_words(told(Step.FAILED, code=Code.HEALTH_FAILED), told(Step.ACCEPTED, attempt=2))
    assert (progress.failures, progress.count(Phase.FAILED)) == ({}, 0)


def test_silence_is_by_our_clock_and_ends_with_progress_alone() -> None:
    fleet, progress = watched()
    wrong = timedelta(days=4000)
    fleet.take(told(Step.ACTIVATING, NOON + wrong), NOON)
    proving = a_follow(state="activating", target=A, sequence=1)
    for minute in range(1, 60):
        born = (1, minute)
        moment = NOON + timedelta(minutes=minute)
        fleet.take(says(proving, at=moment + wrong, born=born), moment)
        fleet.take(will(at=moment + wrong, born=born), moment)
    silent = [host.name for host in progress.silent(NOON + timedelta(hours=1), timedelta(minutes=59))]
    assert silent == ["edge-1"]
    fleet.take(told(Step.PROVING, NOON + wrong + timedelta(hours=1)), NOON + timedelta(hours=1))
    assert not list(progress.silent(NOON + timedelta(hours=1), timedelta(minutes=5)))


def test_silence_can_be_asked_for_by_wave() -> None:
    statement = a_statement(A, rollout=Rollout(seed="s", waves=(Wave(name="all"),)))
    progress = after_words(told(Step.REBOOTING), statement=statement)
    late = NOON + timedelta(hours=1)
    assert [host.name for host in progress.silent(late, timedelta(0), "all")] == ["edge-1"]
    assert not list(progress.silent(late, timedelta(0), "other"))


def test_another_channels_word_changes_nothing() -> None:
    progress = after_words(says(a_follow()), told(Step.FAILED, channel="beta"))
    assert progress.counts == {(NO_WAVE, Phase.PENDING): 1}
    assert CHANNEL == ("os", "stable")


def test_fifty_thousand_hosts_are_counted_anew_at_once() -> None:
    fleet, progress = watched(a_statement(A, rollout=WAVES))
    for number in range(50_000):
        fleet.take(told(Step.ACCEPTED, host=f"edge-{number}"), NOON)
    began = time.process_time()
    progress.restate(a_statement(A, sequence=2, rollout=WAVES))
    took = time.process_time() - began
    assert progress.count(Phase.WAITING) == 50_000
    # Ten times what it takes on the machine that this was written on.
    assert took < 5

"""What a report reckons, by value, and what must hold whatever hosts say."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.properties import SLOW_MACHINES
from tests.support.reporting import BEFORE, KEY, NOW, STORY, MadeHistory, a_passage, a_record, at, told
from tests.support.statements import NOON, a_statement, digest_of
from tidegate_fleet.history import StatementRecord
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.narrative import state
from tidegate_fleet.report.rows import SHOWN
from tidegate_fleet.report.timeline import read_timeline
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import REGISTRY, Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState, Wave

if TYPE_CHECKING:
    from random import Random

    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.figures import Figures


def figures(*passages: Passage, pending: int = 0, terms: Terms | None = None, story: bool = False) -> Figures:
    record = a_record(passages, pending=pending)
    statements = STORY if story else ()
    history = MadeHistory({KEY: lambda: passages}, [record], {KEY: statements})
    return gather(history, record, None, terms or Terms(NOW))


def test_the_curve_counts_successes_at_the_moment_they_were_heard() -> None:
    found = figures(
        a_passage("a", end=30), a_passage("b", end=10), a_passage("c", Step.FAILED, 20, code=Code.DISK_FULL)
    )
    assert found.successes.points == ((10.0, 1), (30.0, 2))
    assert found.failures.points == ((20.0, 1),)
    assert (found.release.hosts, found.release.succeeded, found.release.failed) == (3, 2, 1)
    assert found.release.failure_share == 1 / 3


def test_a_success_known_by_status_alone_counts_when_it_was_heard() -> None:
    found = figures(a_passage("a", end=40, ended=None, events=0))
    assert found.successes.points == ((40.0, 1),)
    assert found.evidence.by_status == 1


def test_hosts_that_said_nothing_are_counted_and_have_no_passage() -> None:
    found = figures(a_passage("a"), pending=7)
    assert found.release.hosts == 8
    assert found.phases[Phase.PENDING] == 7
    assert found.evidence.passages == 1


def test_lead_is_from_the_opening_of_the_wave_and_success_from_the_beginning() -> None:
    found = figures(
        a_passage("a", end=300, wave="canary"), a_passage("b", end=2400 + 600, wave="early"), story=True
    )
    canary, early, everybody = found.waves
    assert (canary.name, early.name, everybody.name) == ("canary", "early", "everybody")
    assert canary.success is not None
    assert canary.success.median == 300
    assert early.success is not None
    assert early.success.median == 600
    assert early.curve.points == ((3000.0, 1),)
    assert found.release.success is not None
    assert found.release.success.most == 3000
    assert everybody.hosts == 0
    assert everybody.success is None


def test_successes_before_the_wave_opened_are_counted() -> None:
    found = figures(
        a_passage("a", end=2399, wave="early"),
        a_passage("b", end=2400, wave="early"),
        a_passage("c", end=100, wave="gone"),
        a_passage("d", end=100),
        story=True,
    )
    assert {wave.name: wave.early for wave in found.waves} == {
        "canary": 0,
        "early": 1,
        "everybody": 0,
        "gone": 1,
        "": 0,
    }


def test_failures_are_grouped_by_code_with_the_newest_reason_and_the_remedy() -> None:
    found = figures(
        a_passage("a", Step.ROLLED_BACK, 50, code=Code.HEALTH_FAILED, reason="the second"),
        a_passage("b", Step.ROLLED_BACK, 20, code=Code.HEALTH_FAILED, reason="the first"),
        a_passage("c", Step.FAILED, 90, code=Code.DISK_FULL, reason="no space"),
        a_passage("d", Step.FAILED, 95),
    )
    assert [(one.code, one.hosts) for one in found.failed] == [
        (Code.HEALTH_FAILED, 2),
        (None, 1),
        (Code.DISK_FULL, 1),
    ]
    newest = found.failed[0]
    assert newest.reason == "the second"
    assert newest.newest == at(50)
    assert newest.remedy == REGISTRY[Code.HEALTH_FAILED].remedy
    assert [(each.host, each.reason) for each in newest.shown] == [("a", "the second"), ("b", "the first")]


def test_slowest_counts_from_when_the_host_could_begin() -> None:
    late = a_passage("late", end=9000 + 50, wave="everybody")
    slow = a_passage("slow", end=700, wave="canary")
    away = a_passage("away", end=8000, wave="canary", began=at(7990))
    found = figures(late, slow, away, story=True)
    assert [(one.host, one.seconds) for one in found.slowest] == [
        ("slow", 700.0),
        ("late", 50.0),
        ("away", 10.0),
    ]


def test_of_many_hosts_the_slowest_are_shown_in_order() -> None:
    found = figures(*(a_passage(f"h{end}", end=end) for end in range(1, 100)))
    assert [one.seconds for one in found.slowest] == [float(end) for end in range(99, 99 - SHOWN, -1)]


def test_a_hosts_account_is_by_step_without_waiting_for_its_wave() -> None:
    spent = {"waiting": 60.0, "staging": 30.0, "proving": 9.0, "total": 99.0, "invented": 4.0}
    found = figures(a_passage("a", end=100, durations=spent, waited_for={"wave": 50.0, "window": 10.0}))
    assert found.slowest[0].parts == {Step.WAITING: 10.0, Step.STAGING: 30.0, Step.PROVING: 9.0}


def test_an_account_that_does_not_fit_is_not_believed() -> None:
    for lie in ({"staging": 1e9}, {"staging": -5.0}, {"staging": float("nan")}, {"staging": float("inf")}):
        assert figures(a_passage("a", end=100, durations=lie)).slowest[0].parts is None


def test_waits_are_summed_by_words_of_the_protocol_and_bounded_by_our_clock() -> None:
    found = figures(
        a_passage("a", end=100, waited_for={"window": 40.0, "wave": 20.0}),
        a_passage("b", end=100, waited_for={"window": 1e12, "<script>": 5.0}),
        a_passage("c", end=100, waited_for={"window": float("nan"), "lock": -3.0}),
        a_passage("d", Step.WAITING, 50, waiting_for="window"),
    )
    told = [(one.reason, one.hosts, one.seconds, one.longest, one.waiting) for one in found.delays]
    assert told == [("window", 2, 140.0, 100.0, 1), ("other", 1, 5.0, 5.0, 0), ("wave", 1, 20.0, 20.0, 0)]


def test_silent_is_who_began_to_activate_and_was_not_heard_of_since() -> None:
    now = at(2000)
    found = figures(
        a_passage("gone", Step.REBOOTING, 100),
        a_passage("soon", Step.REBOOTING, 1900),
        a_passage("waits", Step.WAITING, 100, waiting_for="window"),
        terms=Terms(now, timedelta(minutes=15)),
    )
    assert [(one.host, one.silent) for one in found.silent.shown] == [("gone", 1900.0)]
    assert found.silent.hosts == 1
    assert [one.host for one in found.under_way.shown] == ["gone", "waits", "soon"]


def test_evidence_counts_events_and_those_that_device_keys_signed() -> None:
    found = figures(a_passage("a", events=9, verified=9), a_passage("b", events=4))
    assert (found.evidence.events, found.evidence.verified) == (13, 9)


def test_the_story_of_the_publisher_is_told_by_what_changed() -> None:
    timeline = figures(story=True).timeline
    assert [(one.at, one.what) for one in timeline.changes] == [
        (0.0, ("announced", "wave canary opened")),
        (2400.0, ("wave early opened",)),
        (4500.0, ("held",)),
        (6300.0, ("resumed",)),
        (9000.0, ("wave everybody opened",)),
    ]
    assert timeline.held == ((4500.0, 6300.0),)
    assert (timeline.renewals, timeline.statements, timeline.verified) == (1, 6, 6)
    assert {name: one.at for name, one in timeline.openings.items()} == {
        "canary": 0,
        "early": 2400,
        "everybody": 9000,
    }


def test_a_release_before_is_compared_with_its_own_beginning() -> None:
    record = a_record()
    earlier = a_record(key=BEFORE, first=NOON - timedelta(days=7), version="1.9")
    made = a_passage("a", end=-7 * 86400 + 120, began=at(-7 * 86400))
    history = MadeHistory({KEY: lambda: (), BEFORE: lambda: (made,)}, [record, earlier])
    found = gather(history, record, earlier, Terms(NOW))
    assert found.before is not None
    assert found.before.version == "1.9"
    assert found.before.success is not None
    assert found.before.success.median == 120


def test_anonymous_figures_have_neither_names_nor_words_of_hosts() -> None:
    passages = (
        a_passage("till-berlin", Step.FAILED, 50, code=Code.DISK_FULL, reason="on till-berlin: full"),
        a_passage("till-paris", Step.REBOOTING, 50),
        a_passage("till-rome", end=70),
    )
    found = figures(*passages, terms=Terms(NOW, disclosure=Disclosure(b"key")))
    assert "till" not in repr(found)
    shown = found.failed[0].shown[0].host
    assert shown == next(one.host for one in found.slowest if one.phase is Phase.FAILED)
    other = figures(*passages, terms=Terms(NOW, disclosure=Disclosure(b"another")))
    assert other.failed[0].shown[0].host != shown


# A busy machine is slow at making examples, and that is no fault of theirs.
ROOM = settings(SLOW_MACHINES, max_examples=60, suppress_health_check=[HealthCheck.too_slow])

STEPS = st.sampled_from(
    [
        Step.SUCCEEDED,
        Step.FAILED,
        Step.ROLLED_BACK,
        Step.SUPERSEDED,
        Step.WAITING,
        Step.STAGING,
        Step.REBOOTING,
    ]
)
SECONDS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([float("inf"), float("nan"), 1e300]))


FIELDS = st.tuples(
    STEPS,
    st.floats(-1000, 1e6),
    st.sampled_from(["canary", "early", "gone", ""]),
    st.floats(-1000, 1e6),
    st.sampled_from([None, Code.DISK_FULL, Code.HEALTH_FAILED]),
    st.dictionaries(st.sampled_from(["staging", "waiting", "total", "what"]), SECONDS, max_size=2),
    st.dictionaries(st.sampled_from(["window", "wave", "\u202ewhat"]), SECONDS, max_size=2),
    st.integers(0, 9),
)
PASSAGES = st.lists(FIELDS, max_size=10).map(
    lambda rows: [
        a_passage(
            f"h{place}",
            step,
            end,
            wave=wave,
            began=at(began),
            code=code,
            durations=durations,
            waited_for=waits,
            events=events,
        )
        for place, (step, end, wave, began, code, durations, waits, events) in enumerate(rows)
    ]
)


@ROOM
@given(PASSAGES, st.integers(0, 5))
def test_the_sums_agree_whatever_hosts_say(made: list[Passage], pending: int) -> None:
    found = figures(*made, pending=pending, story=True)
    release, phases = found.release, found.phases
    assert (
        release.hosts
        == sum(phases.values())
        == sum(wave.hosts for wave in found.waves)
        == len(made) + pending
    )
    assert found.successes.hosts == release.succeeded == sum(wave.curve.hosts for wave in found.waves)
    assert found.failures.hosts == release.failed == sum(one.hosts for one in found.failed)
    for phase in Phase:
        assert phases.get(phase, 0) == sum(wave.phases.get(phase, 0) for wave in found.waves)
    assert found.under_way.hosts == sum(
        phases.get(phase, 0) for phase in (Phase.WAITING, Phase.STAGING, Phase.ACTIVATING)
    )
    assert found.silent.hosts <= found.under_way.hosts
    assert found.evidence.passages == len(made)


@ROOM
@given(PASSAGES)
def test_no_figure_is_negative_endless_or_longer_than_our_clock(made: list[Passage]) -> None:
    found = figures(*made)
    for wave in found.waves:
        assert wave.ended is None or wave.ended >= 0
        assert wave.success is None or wave.success.least >= 0
    for delay in found.delays:
        assert 0 <= delay.longest <= delay.seconds < 1e9
    for slow in found.slowest:
        assert slow.seconds >= 0
        assert slow.parts is None or all(0 < each < 1e9 for each in slow.parts.values())


@ROOM
@given(PASSAGES, st.randoms())
def test_the_order_of_passages_changes_no_number(made: list[Passage], chance: Random) -> None:
    turned = list(made)
    chance.shuffle(turned)
    one, other = figures(*made), figures(*turned)
    assert one.successes == other.successes
    assert one.waves == other.waves
    assert Counter(each.seconds for each in one.slowest) == Counter(each.seconds for each in other.slowest)


def test_a_wave_that_opens_at_a_time_has_opened_when_it_came() -> None:
    later = Wave(name="later", opens_at=at(3600))
    statements = told((0, {"waves": (later,)}), (60, {"waves": (later,)}))
    record = a_record()
    history = MadeHistory({KEY: tuple}, [record], {KEY: statements})
    before = gather(history, record, None, Terms(at(3000))).timeline
    after = gather(history, record, None, Terms(at(4000))).timeline
    assert dict(before.openings) == {}
    assert after.openings["later"].at == 3600
    assert after.openings["later"].by_time
    assert after.changes[0].what == ("announced", "wave later opens 2026-03-02 13:00 UTC")


def test_a_time_that_was_put_off_before_it_came_opened_nothing() -> None:
    soon, later = Wave(name="w", opens_at=at(600)), Wave(name="w", opens_at=at(9000))
    record = a_record()
    history = MadeHistory(
        {KEY: tuple}, [record], {KEY: told((0, {"waves": (soon,)}), (60, {"waves": (later,)}))}
    )
    assert dict(gather(history, record, None, Terms(at(4000))).timeline.openings) == {}


def test_many_passages_cost_a_few_bytes_each() -> None:
    many = 8_000
    record = a_record()
    made = (a_passage(f"host-{place}", end=place % 977, wave="canary") for place in range(many))
    history = MadeHistory({KEY: lambda: made}, [record])
    tracemalloc.start()
    found = gather(history, record, None, Terms(NOW))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.release.succeeded == many
    # Three numbers of 8 bytes of each host, twice while they are put in order, and Python's own 24 of each.
    assert peak < many * 200


def test_a_release_that_another_one_replaced_is_called_so_whatever_its_last_statement_said() -> None:
    statements = told((0, {}), (60, {"state": RolloutState.HELD}))
    passages = [a_passage("a", Step.WAITING)]
    record = a_record(passages, latest=statements[-1])
    history = MadeHistory({KEY: lambda: passages}, [record], {KEY: statements})
    assert state(gather(history, record, None, Terms(at(2000)))) == "held"
    later = a_statement(digest_of("c"), product=KEY.product, channel=KEY.channel, sequence=9)
    history.told[replace(KEY, digest=later.digest)] = (StatementRecord(later, at(90), verified=True),)
    found = gather(history, record, None, Terms(at(2000)))
    assert (found.replaced, found.state, state(found)) == (True, "held", "replaced")


def test_heartbeats_of_which_only_two_were_kept_are_all_counted() -> None:
    first, second, last = told((0, {}), (60, {}), (600, {}))
    said = last.statement.model_copy(
        update={"predicate": last.statement.predicate.model_copy(update={"sequence": 40})}
    )
    found = read_timeline((first, second, replace(last, statement=said)), at(0), at(700))
    assert (found.statements, found.renewals) == (3, 38)

"""The rows and their sums: kept up to date, they are what a fresh start would find."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.host_words import A, B, a_follow, after_noon, says, will
from tests.support.statements import NOON, a_statement
from tidegate_fleet.announced import Announced
from tidegate_fleet.listing.choice import Choice, Sort
from tidegate_fleet.listing.drift import Drift
from tidegate_fleet.listing.register import MOST_CHANNELS, Register
from tidegate_fleet.listing.tally import Tally
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, Runner, Wave
from tidegate_schemas.status import Fault, TrustStatus

if TYPE_CHECKING:
    from tidegate_fleet.listing.rows import Row
    from tidegate_schemas.status import HostStatus

STABLE, BETA = ("os", "stable"), ("os", "beta")
ANNOUNCED = Announced(a_statement(A, sequence=7))
RUNS_IT = a_follow(state="succeeded", target=A, current=A, sequence=7, version="2")
FAILED = a_follow(state="failed", target=A, current=B, sequence=7, version="1", code=Code.HEALTH_FAILED)
WAITS = a_follow(
    state="staged", target=A, current=B, sequence=7, version="1", waiting_for="window", until=after_noon(60)
)


def filled(*statuses: HostStatus, choice: Choice | None = None) -> Register:
    register = Register(choice or Choice())
    register.announce(STABLE, ANNOUNCED)
    for status in statuses:
        register.take(status, NOON)
    return register


def everything(register: Register) -> tuple[Any, ...]:
    return register.rows(), register.tally, len(register), register.name_alone


def counted(rows: list[Row]) -> Tally:
    """The sums of these rows, counted from nothing."""
    tally = Tally()
    for _, of_host in itertools.groupby(sorted(rows, key=lambda row: row.host), lambda row: row.host):
        tally.count(of_host)
    return tally


# Incremental is as anew

FOLLOWS = st.lists(
    st.builds(
        a_follow,
        channel=st.sampled_from(("stable", "beta")),
        state=st.sampled_from(("idle", "waiting", "staged", "succeeded", "failed", "rebooting", "new")),
        target=st.sampled_from((A, B, None)),
        current=st.sampled_from((A, B, None)),
        sequence=st.none() | st.integers(1, 9),
        waiting_for=st.sampled_from((None, "window", "wave")),
        until=st.none() | st.integers(0, 3).map(after_noon),
        quarantined=st.sampled_from(((), (A,), (A, B))),
        stale_since=st.sampled_from((None, NOON)),
        refused=st.integers(0, 3),
    ),
    max_size=3,
    unique_by=lambda follow: follow.channel,
)
STATUSES = st.builds(
    lambda follows, **rest: says(*follows, **rest),
    follows=FOLLOWS,
    host=st.sampled_from(("h0", "h1", "h2")),
    at=st.integers(0, 100).map(after_noon),
    born=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    labels=st.sampled_from(({}, {"ring": "early"})),
    fault=st.sampled_from((None, Fault(code=Code.JOURNAL_CORRUPT, reason="full"))),
    trust=st.sampled_from(
        (None, TrustStatus(warnings=("it ends soon",)), TrustStatus(code=Code.TRUST_EXPIRES))
    ),
    events_dropped=st.integers(0, 3),
)
WILLS = st.builds(will, host=st.sampled_from(("h0", "h1", "h3")), born=st.tuples(st.just(3), st.just(3)))
CHOICES = st.builds(
    Choice,
    labels=st.sampled_from(({}, {"ring": "early"})),
    channel=st.sampled_from((None, "stable")),
    states=st.sampled_from((frozenset(), frozenset({"failed", "staged"}))),
    phases=st.sampled_from((frozenset(), frozenset({Phase.FAILED, Phase.PENDING}))),
    online=st.sampled_from((None, True, False)),
    drifting=st.booleans(),
    troubled=st.booleans(),
    sort=st.sampled_from(Sort),
)
STATEMENTS = st.builds(
    lambda channel, digest: (channel, digest and Announced(a_statement(digest, sequence=5))),
    channel=st.sampled_from((STABLE, BETA)),
    digest=st.sampled_from((A, B, None)),
)


@given(CHOICES, st.lists(STATUSES | WILLS | STATEMENTS, max_size=25))
def test_what_is_kept_up_to_date_is_what_a_fresh_start_finds(choice: Choice, words: list[Any]) -> None:
    register = Register(choice)
    announced: dict[Any, Any] = {}
    for word in words:
        if isinstance(word, tuple):
            announced[word[0]] = word[1]
            register.announce(*word) if word[1] else register.withdraw(word[0])
        else:
            register.take(word, NOON)
    anew = Register(choice)
    for channel, each in announced.items():
        if each is not None:
            anew.announce(channel, each)
    for word in words:
        if not isinstance(word, tuple):
            anew.take(word, NOON)
    assert everything(register) == everything(anew)
    assert register.tally == counted(register.rows())


# Rows


def test_a_host_has_a_row_in_each_channel_and_one_without() -> None:
    register = filled(says(RUNS_IT, a_follow(channel="beta"), host="two"), says(host="none"), will("gone"))
    rows = [(row.host, row.channel, row.state, row.online) for row in register.rows()]
    assert sorted(rows, key=str) == [
        ("gone", None, None, False),
        ("none", None, "idle", True),
        ("two", BETA, "idle", True),
        ("two", STABLE, "succeeded", True),
    ]
    assert register.tally.hosts == 3


def test_the_worst_come_first_and_the_first_can_be_had_alone() -> None:
    register = filled(says(RUNS_IT, host="a"), says(WAITS, host="b"), says(FAILED, host="c"))
    assert [row.host for row in register.rows()] == ["c", "b", "a"]
    assert [row.host for row in register.rows(2)] == ["c", "b"]


@pytest.mark.parametrize(
    ("sort", "hosts"),
    [(Sort.HOST, "abc"), (Sort.PHASE, "cab"), (Sort.VERSION, "bca"), (Sort.DRIFT, "bca")],
)
def test_rows_come_in_the_order_asked_for(sort: Sort, hosts: str) -> None:
    statuses = [says(RUNS_IT, host="a"), says(FAILED, host="b"), says(WAITS, host="c")]
    register = filled(*statuses, choice=Choice(sort=sort))
    assert "".join(row.host for row in register.rows()) == hosts


@pytest.mark.parametrize(
    ("choice", "hosts"),
    [
        (Choice(), {"a", "b", "c", "d"}),
        (Choice(labels={"site": "kiel"}), {"a"}),
        (Choice(labels={"site": "kiel", "ring": "early"}), set()),
        (Choice(product="os", channel="stable"), {"a", "b", "c"}),
        (Choice(product="app"), set()),
        (Choice(hosts=frozenset({"a", "d", "z"})), {"a", "d"}),
        (Choice(states=frozenset({"failed"})), {"b"}),
        (Choice(states=frozenset({"staged", "failed"})), {"b", "c"}),
        (Choice(phases=frozenset({Phase.FAILED})), {"b"}),
        (Choice(phases=frozenset({Phase.WAITING, Phase.SUCCEEDED})), {"a", "c"}),
        (Choice(codes=frozenset({"health.failed"})), {"b"}),
        (Choice(codes=frozenset({"disk.full"})), set()),
        (Choice(waits=frozenset({"window"})), {"c"}),
        (Choice(versions=frozenset({"1"})), {"b", "c"}),
        (Choice(drifts=frozenset({Drift.FAILED, Drift.CURRENT})), {"a", "b"}),
        (Choice(online=False), {"d"}),
        (Choice(online=True), {"a", "b", "c"}),
        (Choice(drifting=True), {"b", "c"}),
        (Choice(troubled=True), {"c"}),
    ],
)
def test_rows_can_be_asked_for(choice: Choice, hosts: set[str]) -> None:
    fault = Fault(code=Code.JOURNAL_CORRUPT)
    statuses = [
        says(RUNS_IT, host="a", labels={"site": "kiel"}),
        says(FAILED, host="b"),
        says(WAITS, host="c", fault=fault),
        will("d"),
    ]
    register = filled(*statuses, choice=choice)
    assert {row.host for row in register.rows()} == hosts
    assert register.known == 4


@pytest.mark.parametrize("state", ["failed", "rolled-back", "rejected"])
def test_each_way_to_fail_is_the_phase_failed(state: str) -> None:
    follow = FAILED.model_copy(update={"state": state})
    choice = Choice(phases=frozenset({Phase.FAILED}))
    assert [row.host for row in filled(says(follow, host="a"), choice=choice).rows()] == ["a"]


def test_the_phase_is_of_the_release_that_is_announced() -> None:
    before = a_follow(state="succeeded", target=B, current=B, sequence=6)
    (row,) = filled(says(before)).rows()
    assert (row.phase, row.state) == (Phase.PENDING, "succeeded")
    register = Register(Choice())
    register.take(says(before), NOON)
    (row,) = register.rows()
    assert row.phase is Phase.SUCCEEDED


def test_a_host_belongs_to_a_wave_also_while_it_waits_for_the_budget() -> None:
    runner = Runner(id="ci-77", process="1", wave="rest", began_at=NOON, whole=1.0)
    canary = Wave(name="canary", labels={"ring": "pilot"}, open=True)
    waves = (canary, Wave(name="rest", fraction=1e-9, open=True))
    statement = a_statement(A, sequence=7, rollout=Rollout(seed="s", waves=waves, runner=runner))
    register = Register(Choice())
    register.announce(STABLE, Announced(statement))
    waits = WAITS.model_copy(update={"waiting_for": "wave", "until": None})
    register.take(says(waits, host="pilot", labels={"ring": "pilot"}), NOON)
    register.take(says(waits, host="other"), NOON)
    seats = {row.host: (row.wave and row.wave.name, row.waits_for_budget) for row in register.rows()}
    assert seats == {"pilot": ("canary", False), "other": ("rest", True)}
    asked = Register(Choice(waves=frozenset({"rest"})))
    asked.announce(STABLE, Announced(statement))
    asked.take(says(waits, host="other"), NOON)
    asked.take(says(waits, host="pilot", labels={"ring": "pilot"}), NOON)
    assert [row.host for row in asked.rows()] == ["other"]


def test_hosts_that_left_their_name_alone_are_counted_whatever_is_asked_for() -> None:
    words = [will("b"), will("c"), says(RUNS_IT, host="d", labels={"site": "kiel"}), will("d")]
    register = filled(*words, choice=Choice(labels={"site": "kiel"}))
    assert ([row.host for row in register.rows()], register.name_alone) == (["d"], 2)
    register.take(says(RUNS_IT, host="b", born=(2, 1)), NOON)
    assert register.name_alone == 1
    assert (register.knows("b"), register.knows("z")) == (True, False)


# Sums


def test_the_sums() -> None:
    trust = TrustStatus(warnings=("it ends soon",))
    quarantined = FAILED.model_copy(update={"quarantined": (A,), "stale_since": NOON, "refused": 2})
    tally = filled(
        says(RUNS_IT, host="a"),
        says(WAITS, host="b", trust=trust),
        says(quarantined, host="c", events_dropped=5),
        will("d"),
    ).tally
    assert (tally.hosts, tally.online, tally.warned, tally.dropping, tally.events_dropped) == (4, 3, 1, 1, 5)
    assert tally.quarantined == {A: 1}
    channel = tally.channels[STABLE]
    assert channel.drifts == {Drift.CURRENT: 1, Drift.WAITING: 1, Drift.QUARANTINED: 1}
    assert channel.running == {(A, "2"): 1, (B, "1"): 2}
    assert (channel.waits, channel.windows()) == ({"window": 1}, (after_noon(60), after_noon(60)))
    assert (channel.stale, channel.refused) == (1, 2)


# Changes


def test_only_what_changed_is_told() -> None:
    register = filled(says(WAITS, host="a"))

    def told(status: HostStatus) -> list[tuple[str | None, Drift | None]]:
        rows: tuple[Row, ...] = register.take(status, NOON)
        return [(row.state, row.drift) for row in rows]

    later = NOON + timedelta(hours=1)
    assert told(says(WAITS, host="a", at=later)) == []
    assert told(says(RUNS_IT, host="a", at=later)) == [("succeeded", Drift.CURRENT)]
    assert told(will("a", born=(1, 1))) == [("succeeded", Drift.CURRENT)]
    assert told(will("a", born=(1, 1))) == []


def test_a_row_that_leaves_what_was_asked_for_is_told_once_more() -> None:
    register = filled(says(WAITS, host="a"), choice=Choice(drifting=True))
    rows = register.take(says(RUNS_IT, host="a"), NOON)
    assert [(row.host, row.drift) for row in rows] == [("a", Drift.CURRENT)]
    assert register.rows() == []
    assert register.take(says(RUNS_IT.model_copy(update={"version": "3"}), host="a"), NOON) == ()


# Bounds


def test_channels_beyond_the_cap_are_passed_over() -> None:
    register = Register(Choice())
    for number in range(MOST_CHANNELS + 5):
        register.announce(("os", f"c{number}"), ANNOUNCED)
    register.announce(("os", "c1"), ANNOUNCED)
    assert (len(register.announced), register.passed_over) == (MOST_CHANNELS, 5)

"""What every place that keeps history has to answer; the fake first, so that tests with it mean something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.history_places import Memory, Place, stored
from tests.fakes.history import FakeHistory
from tests.support.fleets import at, describes, said
from tests.support.postgres import Postgres
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.acts import Deed, acts
from tidegate_fleet.history import Adopted, HostQuery, ReleaseKey, StatementRecord
from tidegate_fleet.standing import Phase
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.statement import Requires
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_fleet.history import History

A = ReleaseKey("os", "stable", digest_of("a"))
B = ReleaseKey("os", "stable", digest_of("b"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(
    params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgres"))],
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "memory":
        yield Memory(FakeHistory())
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/fleet.db"
    else:
        url = request.getfixturevalue("postgres").database()
    found = stored(url)
    with found.store:
        yield found


def names(history: History, **query: object) -> list[str]:
    found = HostQuery(**query)  # type: ignore[arg-type] # each test gives what it asks for
    listed = [record.name for record in history.hosts(found)]
    assert history.count_hosts(found) == len(listed)
    return listed


def test_an_empty_place_has_nothing(place: Place) -> None:
    history = place.history
    summary = history.summary()
    assert (summary.hosts, summary.online, summary.events, summary.newest) == (0, 0, 0, None)
    assert not history.hosts(HostQuery())
    assert history.host("edge-1") is None
    assert not history.releases()
    assert history.release(A) is None
    assert not history.host_events("edge-1")
    assert not history.adoption(A)
    assert not list(history.passages(A))


def test_an_event_is_kept_as_it_came_and_once(place: Place) -> None:
    event = said("edge-1", Step.FAILED, 5, code=Code.HEALTH_FAILED, reason="web: 503", verified=True)
    place.take(event, at(6))
    place.take(event, at(60))
    (record,) = place.history.host_events("edge-1")
    assert (record.event, record.heard, record.verified) == (event.event, at(6), True)
    assert place.history.events_after(0) == (record,)
    assert place.history.events_after(record.number) == ()
    assert place.history.newest_number() == record.number
    assert place.history.summary().events == 1
    assert place.history.summary().newest == at(6)


def test_a_host_is_what_it_said_last(place: Place) -> None:
    place.take(describes("edge-1", 0, labels={"ring": "canary"}), at(1))
    place.take(said("edge-1", Step.ACCEPTED, 10), at(11))
    place.take(said("edge-1", Step.STAGING, 20, percent=30), at(21))
    record = place.history.host("edge-1")
    assert record is not None
    assert record.online
    assert record.heard == at(21)
    assert record.status == describes("edge-1", 0, labels={"ring": "canary"})
    standing = record.standings["os", "stable"]
    assert (standing.step, standing.percent, standing.version) == (Step.STAGING, 30, "1.0")


def test_a_last_will_describes_nothing_and_a_late_one_hides_nobody(place: Place) -> None:
    place.take(describes("edge-1", 0, connection=2, labels={"ring": "canary"}), at(1))
    place.take(describes("edge-1", 0, connection=1, presence=Presence.OFFLINE), at(2))
    assert names(place.history, online=True) == ["edge-1"]
    place.take(describes("edge-1", 0, connection=2, presence=Presence.OFFLINE), at(3))
    record = place.history.host("edge-1")
    assert record is not None
    assert not record.online
    assert record.status is not None
    assert record.status.labels == {"ring": "canary"}
    assert names(place.history, online=False) == ["edge-1"]
    assert place.history.summary().online == 0


def test_pages_of_events_and_hosts_follow_each_other(place: Place) -> None:
    for index in range(5):
        place.take(said("edge-1", Step.STAGING, index, percent=index), at(index))
        place.take(describes(f"host-{index}"), at(index))
    first = place.history.host_events("edge-1", limit=2)
    rest = place.history.host_events("edge-1", before=first[-1].number, limit=10)
    assert [record.event.data.percent for record in (*first, *rest)] == [4, 3, 2, 1, 0]
    page = place.history.hosts(HostQuery(text="HOST", limit=3))
    assert [record.name for record in page] == ["host-0", "host-1", "host-2"]
    more = place.history.hosts(HostQuery(text="host", limit=3, after=page[-1].name))
    assert [record.name for record in more] == ["host-3", "host-4"]
    assert place.history.count_hosts(HostQuery(text="host", limit=3)) == 5
    later = place.history.events_after(first[-1].number, limit=1)
    assert [record.number for record in later] == [first[0].number]


def test_names_sort_by_code_point_whatever_the_language(place: Place) -> None:
    for name in ("b", "B", "a-1", "a.1", "a1", "a_1", "A"):
        place.take(describes(name), at(0))
    assert names(place.history) == sorted(("b", "B", "a-1", "a.1", "a1", "a_1", "A"))


def test_hosts_are_found_by_what_they_say(place: Place) -> None:
    place.take(describes("edge-1", labels={"ring": "canary", "site": "kiel"}), at(0))
    place.take(describes("edge-2", labels={"ring": "canary"}, current=digest_of("c")), at(10))
    place.take(describes("edge-3", channel="beta", labels={"ring": "rest"}), at(20))
    assert names(place.history, labels={"ring": "canary"}) == ["edge-1", "edge-2"]
    assert names(place.history, labels={"ring": "canary", "site": "kiel"}) == ["edge-1"]
    assert names(place.history, channel=("os", "beta")) == ["edge-3"]
    assert names(place.history, channel=("os", "stable"), current=digest_of("0")) == ["edge-1"]
    assert names(place.history, current=digest_of("0")) == ["edge-1", "edge-3"]
    assert names(place.history, quiet_since=at(10)) == ["edge-1"]
    assert names(place.history, text="%") == []


def test_labels_that_are_gone_find_nobody(place: Place) -> None:
    place.take(describes("edge-1", 0, 1, labels={"ring": "canary"}), at(0))
    place.take(describes("edge-1", 1, 2, labels={}, channel="beta"), at(1))
    assert names(place.history, labels={"ring": "canary"}) == []
    assert names(place.history, channel=("os", "stable")) == []


def test_the_summary_counts_what_runs_what_is_stale_and_what_failed(place: Place) -> None:
    for index in range(3):
        place.take(describes(f"edge-{index}", quarantined=(digest_of("e"),) if index else ()), at(0))
    place.take(describes("edge-9", stale_since=at(-1), current=digest_of("9"), version=None), at(0))
    summary = place.history.summary()
    assert dict(summary.running) == {
        (("os", "stable"), digest_of("0"), "0.9"): 3,
        (("os", "stable"), digest_of("9"), ""): 1,
    }
    assert dict(summary.quarantined) == {digest_of("e"): 2}
    assert dict(summary.stale) == {("os", "stable"): 1}


WAVES = Rollout(
    seed="seed",
    waves=(
        Wave(name="canary", labels={"ring": "canary"}, open=True),
        Wave(name="rest", fraction=1.0),
    ),
)


def test_a_release_counts_hosts_by_wave_and_phase(place: Place) -> None:
    for index in range(4):
        place.take(describes(f"edge-{index}", labels={"ring": "canary"} if index < 2 else {}), at(0))
    place.take(describes("edge-arm", arch="aarch64"), at(0))
    place.take(a_statement(rollout=WAVES, requires=Requires(arch=("x86_64",))), at(1))
    place.take(said("edge-0", Step.SUCCEEDED, 9), at(9))
    release = place.history.release(A)
    assert release is not None
    assert {place: count for place, count in release.counts.items() if count} == {
        ("canary", Phase.SUCCEEDED): 1,
        ("canary", Phase.PENDING): 1,
        ("rest", Phase.PENDING): 2,
    }
    assert (release.version, release.first) == ("1.0", at(1))
    assert names(place.history, release=A) == ["edge-0", "edge-1", "edge-2", "edge-3"]
    assert names(place.history, release=A, phase=Phase.PENDING) == ["edge-1", "edge-2", "edge-3"]
    assert names(place.history, release=A, phase=Phase.PENDING, wave="rest") == ["edge-2", "edge-3"]
    assert names(place.history, release=A, phase=Phase.SUCCEEDED) == ["edge-0"]
    assert names(place.history, release=A, wave="canary") == ["edge-0", "edge-1"]


def test_a_host_that_changes_its_labels_changes_its_wave(place: Place) -> None:
    place.take(a_statement(rollout=WAVES), at(0))
    place.take(describes("edge-1", 1, 1, target=digest_of("a"), sequence=1, state="staging"), at(1))
    place.take(
        describes(
            "edge-1", 2, 2, target=digest_of("a"), sequence=1, state="staging", labels={"ring": "canary"}
        ),
        at(2),
    )
    assert [passage.wave for passage in place.history.passages(A)] == ["canary"]


def test_a_statement_that_divides_the_fleet_anew_moves_those_who_spoke_already(place: Place) -> None:
    place.take(describes("edge-1", labels={"ring": "canary"}), at(0))
    place.take(said("edge-1", Step.STAGING, 1), at(1))
    place.take(a_statement(), at(2))
    assert [passage.wave for passage in place.history.passages(A)] == [""]
    place.take(a_statement(sequence=2, rollout=WAVES), at(3))
    assert [passage.wave for passage in place.history.passages(A)] == ["canary"]


def test_nobody_waits_for_a_release_that_another_one_replaced(place: Place) -> None:
    place.take(describes("edge-1"), at(0))
    place.take(a_statement(), at(1))
    place.take(a_statement(digest_of("b"), sequence=2, version="2.0"), at(2))
    releases = place.history.releases()
    assert [release.key for release in releases] == [B, A]
    assert [dict(release.counts) for release in releases] == [{("", Phase.PENDING): 1}, {}]
    assert names(place.history, release=A) == []


def test_the_statements_about_a_release_are_kept_once_each(place: Place) -> None:
    place.take(a_statement(sequence=2, version="1.0.1"), at(1))
    place.take(a_statement(sequence=1), at(2))
    place.take(a_statement(sequence=1), at(3))
    place.take(a_statement(digest_of("b"), sequence=1), at(4))
    records = place.history.statements(A)
    assert [(record.statement.predicate.sequence, record.heard) for record in records] == [
        (1, at(2)),
        (2, at(1)),
    ]
    assert records[0].statement == a_statement(sequence=1)
    release = place.history.release(A)
    assert release is not None
    assert release.latest == records[1]
    assert release.version == "1.0.1"


def test_a_verified_statement_replaces_one_that_was_taken_at_its_word(place: Place) -> None:
    def record(digest: str, second: int, *signers: str) -> StatementRecord:
        return StatementRecord(a_statement(digest, sequence=1), at(second), bool(signers), signers)

    place.take(record(A.digest, 1), at(1))
    place.take(record(A.digest, 2, "ci"), at(2))
    (vouched,) = place.history.statements(A)
    assert (vouched.heard, vouched.verified, vouched.signers) == (at(1), True, ("ci",))
    place.take(record(B.digest, 3), at(3))
    place.take(record(B.digest, 4, "other"), at(4))
    assert place.history.statements(A) == (vouched,)
    assert place.history.statements(B) == ()


def test_a_forged_statement_keeps_no_genuine_one_out(place: Place) -> None:
    place.take(StatementRecord(a_statement(B.digest, sequence=1), at(1), verified=False), at(1))
    genuine = StatementRecord(a_statement(A.digest, sequence=1), at(2), verified=True, signers=("ci",))
    place.take(genuine, at(2))
    assert place.history.statements(A) == (genuine,)
    assert place.history.statements(B) == ()


def test_a_release_that_a_single_host_invents_is_not_listed(place: Place) -> None:
    place.take(said("edge-1", Step.STAGING, 1, version="6.6.6"), at(1))
    assert place.history.releases() == ()
    assert place.history.release(A) is not None
    place.take(said("edge-2", Step.STAGING, 2, version="6.6.7"), at(2))
    (release,) = place.history.releases()
    assert (release.version, release.first, release.latest) == ("6.6.7", at(1), None)
    assert place.history.releases(channel=("os", "beta")) == ()
    assert place.history.releases(channel=("os", "stable")) == (release,)


def test_a_passage_tells_the_moments_and_what_was_waited_for(place: Place) -> None:
    place.take(said("edge-1", Step.ACCEPTED, 0), at(1))
    place.take(said("edge-1", Step.WAITING, 10, waiting_for="window", verified=True), at(11))
    place.take(said("edge-1", Step.STAGING, 70), at(71))
    place.take(said("edge-1", Step.STAGED, 80, waiting_for="lock"), at(81))
    place.take(said("edge-1", Step.ACTIVATING, 85), at(86))
    place.take(said("edge-1", Step.SUCCEEDED, 90, durations={"total": 90.0}, verified=True), at(91))
    place.take(said("edge-2", Step.WAITING, 0, waiting_for="window"), at(1))
    first, second = place.history.passages(A)
    assert (first.host, first.began, first.activated, first.ended) == ("edge-1", at(1), at(86), at(91))
    assert first.durations == {"total": 90.0}
    assert first.waited_for == {"window": 60.0, "lock": 5.0}
    assert (first.events, first.verified) == (6, 2)
    assert first.standing.phase is Phase.SUCCEEDED
    assert (second.host, second.ended, second.standing.waiting_for) == ("edge-2", None, "window")
    assert second.waited_for == {}


def test_an_event_that_comes_late_changes_what_was_waited_for_and_nothing_else(place: Place) -> None:
    place.take(said("edge-1", Step.SUCCEEDED, 90, durations={"total": 90.0}), at(91))
    place.take(said("edge-1", Step.WAITING, 30, waiting_for="wave"), at(92))
    (passage,) = place.history.passages(A)
    assert passage.waited_for == {"wave": 60.0}
    assert (passage.standing.phase, passage.ended) == (Phase.SUCCEEDED, at(91))
    assert passage.durations == {"total": 90.0}


def test_failures_are_told_by_code_with_the_newest_reason(place: Place) -> None:
    for index, code in enumerate((Code.HEALTH_FAILED, Code.BOOT_LOST, Code.HEALTH_FAILED, None)):
        place.take(said(f"edge-{index}", Step.FAILED, index, code=code, reason=f"no. {index}"), at(index))
    place.take(said("edge-7", Step.SUCCEEDED), at(9))
    most, *others = place.history.failures(A)
    assert (most.code, most.hosts, most.newest, most.reason, most.host) == (
        Code.HEALTH_FAILED,
        2,
        at(2),
        "no. 2",
        "edge-2",
    )
    assert [(record.code, record.hosts) for record in others] == [(None, 1), (Code.BOOT_LOST, 1)]
    assert place.history.failures(A, limit=1) == (most,)


def test_adoption_begins_at_nothing_and_ends_with_how_things_stand(place: Place) -> None:
    place.take(a_statement(), at(0))
    for index in range(10):
        step = Step.FAILED if index == 3 else Step.SUCCEEDED
        place.take(said(f"edge-{index}", step, 10 * index), at(10 * (index + 1)))
    place.take(said("edge-x", Step.STAGING), at(500))
    drawn = place.history.adoption(A)
    assert drawn[0] == Adopted(at(0), 0, 0)
    assert drawn[-1] == Adopted(at(100), 9, 1)
    assert len(drawn) == 11
    coarse = place.history.adoption(A, points=7)
    assert [(point.at, point.succeeded, point.failed) for point in coarse] == [
        (at(0), 0, 0),
        (at(20), 2, 0),
        (at(40), 3, 1),
        (at(60), 5, 1),
        (at(80), 7, 1),
        (at(100), 9, 1),
    ]


def test_adoption_in_a_single_moment(place: Place) -> None:
    place.take(said("edge-1", Step.SUCCEEDED), at(0))
    assert place.history.adoption(A) == (Adopted(at(0), 0, 0), Adopted(at(0), 1, 0))


def test_hostile_texts_come_back_or_are_marked(place: Place) -> None:
    place.take(said("edge-1", Step.FAILED, reason="a'; DROP TABLE event; --\\"), at(0))
    (record,) = place.history.host_events("edge-1")
    assert record.event.data.reason == "a'; DROP TABLE event; --\\"
    place.take(said("edge-2", Step.FAILED, reason="nothing\0more", version="\0"), at(0))
    (record,) = place.history.host_events("edge-2")
    assert record.event.data.reason == "nothing\0more"


def test_clocks_may_say_what_they_like(place: Place) -> None:
    far = timedelta(days=365 * 5000)
    place.take(said("edge-1", Step.STAGING, far.total_seconds()), at(0))
    place.take(said("edge-2", Step.STAGING, -far.total_seconds() / 3), at(0))
    found = {record.event.subject: record.event.time for record in place.history.events_after(0)}
    assert found == {"edge-1": at(far.total_seconds()), "edge-2": at(-far.total_seconds() / 3)}


def heartbeat(place: Place, sequence: int, **rollout: object) -> None:
    fields = {"seed": "s", "waves": (Wave(name="all", open=True),), **rollout}
    said = a_statement(
        sequence=sequence, issued_at=at(sequence), rollout=Rollout.model_validate(fields, strict=False)
    )
    place.take(StatementRecord(said, at(sequence), verified=True, signers=("release",)), at(sequence))


def test_of_heartbeats_in_a_row_the_first_and_the_last_are_kept_and_told_as_one(place: Place) -> None:
    for sequence in range(1, 9):
        heartbeat(place, sequence)
    heartbeat(place, 9, state="held")
    heartbeat(place, 10, state="held")
    kept = place.history.statements(A)
    assert [one.statement.predicate.sequence for one in kept] == [1, 2, 8, 9, 10]
    told = [(act.deed, act.record.statement.predicate.sequence, act.count) for act in acts(kept)]
    assert told == [
        (Deed.ANNOUNCED, 1, 1),
        (Deed.RENEWED, 2, 7),
        (Deed.HELD, 9, 1),
        (Deed.RENEWED, 10, 1),
    ]


def test_heartbeats_of_other_signers_stay(place: Place) -> None:
    for sequence in range(1, 5):
        heartbeat(place, sequence)
    said = a_statement(sequence=5, rollout=Rollout(seed="s", waves=(Wave(name="all", open=True),)))
    place.take(StatementRecord(said, at(5), verified=False), at(5))
    sequences = [one.statement.predicate.sequence for one in place.history.statements(A)]
    assert sequences == [1, 2, 4, 5]


def test_the_newest_statement_of_each_channel_is_known(place: Place) -> None:
    for sequence in (1, 2):
        heartbeat(place, sequence)
    place.take(a_statement(digest_of("b"), sequence=3), at(30))
    place.take(a_statement(channel="beta", sequence=1), at(20))
    found = place.history.newest_statements()
    said = [(one.statement.predicate.channel, one.statement.predicate.sequence) for one in found]
    assert said == [("stable", 3), ("beta", 1)]


def test_a_failure_that_is_told_again_is_as_old_as_it_was(place: Place) -> None:
    place.take(a_statement(), at(0))
    told: dict[str, Any] = {"code": Code.HEALTH_FAILED, "reason": "web: 503"}
    place.take(said("edge-1", Step.ROLLED_BACK, 10, **told), at(10))
    place.take(said("edge-2", Step.ROLLED_BACK, 20, **told), at(20))
    place.take(
        describes("edge-1", 300, target=digest_of("a"), sequence=1, state="rolled-back", **told), at(300)
    )
    (failure,) = place.history.failures(A)
    assert (failure.newest, failure.host) == (at(20), "edge-2")
    assert place.history.adoption(A)[-1] == Adopted(at(20), 0, 2)


def test_an_event_with_an_id_that_was_here_counts_against_its_host(place: Place) -> None:
    first = said("edge-1", Step.ACCEPTED, 1)
    other = replace(first, event=first.event.model_copy(update={"time": at(2)}))
    for word in (first, first, other):
        place.take(word, at(3))
    record = place.history.host("edge-1")
    assert record is not None
    assert (record.collided, record.flooded) == (1, 0)

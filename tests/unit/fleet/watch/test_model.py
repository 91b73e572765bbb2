from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.fleets import at, describes, said
from tests.support.statements import digest_of
from tests.support.watched import (
    CANARY,
    CHANNEL,
    EARLY,
    a_fleet,
    announced,
    hosts_in,
    passage,
    stored,
    take,
    unwell,
)
from tidegate_fleet.announced import Announced
from tidegate_fleet.standing import Phase
from tidegate_fleet.watch.ending import Ending, Goal, ending
from tidegate_fleet.watch.inbox import ConnectionSeen, Flooding, StatusSeen
from tidegate_fleet.watch.memory import EACH
from tidegate_fleet.watch.model import Watched
from tidegate_fleet.watch.picture import Trust
from tidegate_fleet.words import RefusedEvent
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState
from tidegate_schemas.status import Presence

UNTIL_DONE = Goal(ends=True)
LOST = TidegateError(Code.BUS_UNREACHABLE, "the broker hung up")


def test_a_picture_counts_hosts_by_wave_and_state() -> None:
    picture = a_fleet().picture(at(60))
    canary, early, everybody = picture.waves
    assert canary.counts == {Phase.SUCCEEDED: 3, Phase.FAILED: 1, Phase.ACTIVATING: 1}
    assert early.counts == {Phase.STAGING: 1, Phase.PENDING: 2}
    assert everybody.counts == {Phase.PENDING: 4}
    assert [(wave.open, wave.how) for wave in picture.waves] == [
        (True, "open"),
        (False, "opens in 59m"),
        (False, "closed"),
    ]
    assert [wave.silent for wave in picture.waves] == [1, 0, 0]
    assert (picture.counted, picture.ended, picture.hosts, picture.online) == (12, 4, 12, 12)
    assert picture.count(Phase.PENDING) == 6


def test_failures_have_their_newest_reason_and_silent_hosts_their_time() -> None:
    watched = a_fleet()
    other, silent = hosts_in(CANARY, 5)[3:]
    take(watched, unwell(other, 100, "later"), at(100))
    picture = watched.picture(at(120))
    (failure,) = picture.failures
    assert (failure.code, failure.hosts, failure.reason) == (Code.HEALTH_FAILED, 1, "later")
    assert [(one.name, one.since, one.heard) for one in picture.silent] == [(silent, at(10), at(10))]


def test_who_speaks_again_is_silent_no_more() -> None:
    watched = a_fleet()
    silent = hosts_in(CANARY, 5)[4]
    assert watched.picture(at(60)).silent_hosts == 1
    take(watched, [said(silent, Step.SUCCEEDED, 61)], at(61))
    assert watched.picture(at(61.1)).silent_hosts == 0


def test_a_wave_opens_by_itself() -> None:
    assert a_fleet().picture(at(3600)).waves[1].open


def test_without_waves_there_is_one_line_for_all() -> None:
    watched = take(Watched(CHANNEL), [announced(waves=()), *stored("edge-1", "edge-2")], at(0))
    (line,) = watched.picture(at(1)).waves
    assert (line.share, line.hosts, line.open) == ("all hosts", 2, True)


def test_an_older_statement_is_told_and_not_taken_up() -> None:
    watched = take(Watched(CHANNEL), [announced(7), announced(6, letter="b")], at(0))
    picture = watched.picture(at(0))
    assert picture.release is not None
    assert picture.release.sequence == 7
    assert picture.notices == ("the broker hands out #6, which is older than #7: it was not taken up",)


def test_what_does_not_verify_is_told_and_the_picture_stays() -> None:
    fault = TidegateError(Code.SIGNATURE_IDENTITY, "somebody\x1b else signed it")
    watched = take(a_fleet(), [Announced(None, fault=fault)], at(60))
    picture = watched.picture(at(60))
    assert picture.counted == 12
    assert picture.notices == (
        "what the channel holds now is NOT BELIEVED: somebody\ufffd else signed it [signature.identity]",
    )
    take(watched, [announced(2)], at(61))
    assert watched.picture(at(61)).notices == ()


def test_a_statement_at_its_word_is_marked() -> None:
    seen = announced()
    for verified, compared, trust in [
        (False, False, Trust.UNVERIFIED),
        (True, False, Trust.GENUINE),
        (True, True, Trust.VERIFIED),
    ]:
        watched = Watched(CHANNEL)
        watched.take(Announced(seen.statement, verified, compared, ("x",)), at(0))
        release = watched.picture(at(0)).release
        assert release is not None
        assert release.trust is trust


def test_another_release_is_followed_and_announced() -> None:
    watched = take(a_fleet(), [announced(2, letter="b")], at(70))
    picture = watched.picture(at(70))
    assert picture.release is not None
    assert (picture.release.version, picture.count(Phase.PENDING), watched.releases) == ("2.0", 12, 1)
    assert picture.notices == ("another release since 12:01:10Z: 2.0 in place of 1.0",)
    assert picture.silent_hosts == 0
    assert picture.failures == ()


def test_a_hold_keeps_what_was_counted() -> None:
    watched = take(a_fleet(), [announced(2, state=RolloutState.HELD)], at(60))
    picture = watched.picture(at(60))
    assert picture.release is not None
    assert (picture.release.state, picture.ended, watched.releases) == (RolloutState.HELD, 4, 0)


def test_a_lost_connection_is_told_with_the_picture_of_then() -> None:
    watched = take(a_fleet(), [ConnectionSeen(LOST)], at(60))
    take(watched, [ConnectionSeen(LOST)], at(65))
    picture = watched.picture(at(70))
    assert (picture.connected, picture.counted, watched.fault) == (False, 12, None)
    assert picture.notices[0].startswith("NO CONNECTION since 12:01:00Z, trying again")
    take(watched, [ConnectionSeen()], at(80))
    assert watched.picture(at(90)).notices == ()


def test_a_connection_that_never_stood_is_the_end() -> None:
    watched = take(Watched(CHANNEL), [ConnectionSeen(LOST, final=True)], at(0))
    assert watched.fault is LOST


def test_loading_ends_when_nothing_more_comes_from_store() -> None:
    watched = take(Watched(CHANNEL), [ConnectionSeen(), announced(), *stored("edge-1")], at(0))
    assert watched.picture(at(1)).loading
    take(watched, stored("edge-2"), at(1.5))
    assert watched.picture(at(3)).loading
    take(watched, [StatusSeen(describes("edge-3"), retained=False)], at(3.4))
    assert not watched.picture(at(3.5)).loading


def test_presence_is_counted() -> None:
    gone = StatusSeen(describes("edge-1", 1, presence=Presence.OFFLINE), retained=False)
    watched = take(Watched(CHANNEL), [announced(), *stored("edge-1", "edge-2"), gone], at(0))
    assert watched.picture(at(1)).online == 1
    take(watched, stored("edge-1", connection=2), at(2))
    assert watched.picture(at(2)).online == 2


def test_with_device_keys_a_status_tells_not_how_far_a_host_is() -> None:
    words = [announced(), *stored("edge-1", state="succeeded", target="sha256:" + "a" * 64, sequence=1)]
    believing, doubting = Watched(CHANNEL), Watched(CHANNEL, believe_status=False)
    assert take(believing, words, at(0)).picture(at(0)).count(Phase.SUCCEEDED) == 1
    assert take(doubting, words, at(0)).picture(at(0)).count(Phase.PENDING) == 1


def test_floods_and_refused_events_are_told() -> None:
    words = [Flooding("edge-9"), Flooding("edge-9"), RefusedEvent("edge-1", "a"), RefusedEvent("edge-2", "b")]
    assert take(a_fleet(), words, at(60)).picture(at(60)).notices == (
        "more words than are read of a host came from edge-9",
        "2 events do not count, last of edge-2: b",
    )


def test_one_host_fills_neither_the_events_nor_anothers_page() -> None:
    watched = a_fleet()
    flood = [said("edge-99", Step.STAGING, 60 + n, percent=n % 100) for n in range(500)]
    take(watched, flood, at(90))
    events = watched.picture(at(90)).events
    assert [event.host for event in events].count("edge-99") == 1
    assert len(watched.events_of("edge-99")) == EACH
    assert len(watched.events_of(hosts_in(CANARY, 1)[0])) == 8


def test_other_channels_events_are_not_shown() -> None:
    watched = take(a_fleet(), [said("edge-98", Step.STAGING, 60, channel="beta")], at(60))
    assert "edge-98" not in [event.host for event in watched.picture(at(60)).events]


def test_the_speed_is_that_of_the_last_minutes() -> None:
    watched = take(Watched(CHANNEL), [ConnectionSeen(), announced(waves=())], at(0))
    hosts = [f"edge-{number}" for number in range(100)]
    take(watched, stored(*hosts), at(0))
    assert watched.picture(at(10)).speed is None
    for number, host in enumerate(hosts[:60]):
        take(watched, passage(host, 10 + number), at(10 + number))
        watched.picture(at(10 + number))
    speed = watched.picture(at(70)).speed
    assert speed is not None
    assert speed.per_minute == pytest.approx(60, abs=2)
    assert (speed.remaining, speed.end) == (40, at(70) + timedelta(minutes=40 / speed.per_minute))


def test_nobody_estimates_the_end_of_a_release_that_is_held() -> None:
    watched = take(a_fleet(), [announced(2, state=RolloutState.HELD)], at(60))
    watched.picture(at(60))
    speed = watched.picture(at(90)).speed
    assert speed is not None
    assert (speed.remaining, speed.end) == (0, None)


@pytest.mark.parametrize(
    ("end", "how"),
    [(Step.SUCCEEDED, Ending.DONE), (Step.SUPERSEDED, Ending.DONE), (Step.FAILED, Ending.FAILED)],
)
def test_a_release_is_at_its_end_when_every_host_is(end: Step, how: Ending) -> None:
    hosts = hosts_in(EARLY, 2)
    watched = take(Watched(CHANNEL), [ConnectionSeen(), announced(), *stored(*hosts)], at(0))
    take(watched, passage(hosts[0]), at(8))
    assert ending(watched.picture(at(10)), UNTIL_DONE) is None
    take(watched, passage(hosts[1], 1, end), at(9))
    assert ending(watched.picture(at(10)), UNTIL_DONE) is how
    take(watched, [ConnectionSeen(LOST)], at(11))
    assert ending(watched.picture(at(12)), UNTIL_DONE) is None


def test_no_host_and_no_release_are_no_end() -> None:
    watched = take(Watched(CHANNEL), [ConnectionSeen()], at(0))
    assert ending(watched.picture(at(10)), UNTIL_DONE) is None
    take(watched, [announced()], at(10))
    assert ending(watched.picture(at(20)), UNTIL_DONE) is None


def test_where_nothing_is_announced_that_is_said() -> None:
    watched = take(Watched(CHANNEL, goal=UNTIL_DONE), [ConnectionSeen()], at(0))
    assert watched.picture(at(1)).notices == ()
    assert watched.picture(at(10)).notices == (
        "nothing is announced on os/stable; --until done waits for it",
    )
    take(watched, [Announced(None, fault=TidegateError(Code.SIGNATURE_MISSING, "unsigned"))], at(11))
    (notice,) = watched.picture(at(20)).notices
    assert notice.startswith("what the channel holds now is NOT BELIEVED")
    take(watched, [announced()], at(21))
    assert watched.picture(at(30)).notices == ()


def all_done(goal: Goal, sequence: int = 3) -> Watched:
    """Two hosts that have ended the release of this statement."""
    hosts = hosts_in(EARLY, 2)
    watched = Watched(CHANNEL, goal=goal)
    take(watched, [ConnectionSeen(), announced(sequence), *stored(*hosts)], at(0))
    for host in hosts:
        take(watched, passage(host), at(9))
    return watched


A, B = digest_of("a"), digest_of("b")


@pytest.mark.parametrize(
    ("goal", "how"),
    [
        (Goal(ends=True), Ending.DONE),
        (Goal(ends=False), None),
        (Goal(ends=True, sequence=3), Ending.DONE),
        (Goal(ends=True, sequence=2, digest=A), Ending.DONE),
        (Goal(ends=True, sequence=4), None),
        (Goal(ends=True, sequence=None, digest=A), Ending.DONE),
        (Goal(ends=True, sequence=None, digest=B), None),
        (Goal(ends=True, sequence=4, digest=B), None),
        (Goal(ends=True, sequence=3, digest=B), Ending.REPLACED),
    ],
)
def test_the_end_can_be_that_of_one_release(goal: Goal, how: Ending | None) -> None:
    watched = all_done(goal)
    assert ending(watched.picture(at(20)), goal) is how


def test_what_is_waited_for_is_told() -> None:
    assert all_done(Goal(ends=True, sequence=4)).picture(at(20)).notices == (
        "statement #4 has not come: the channel is at #3; --until done waits for it",
    )
    assert all_done(Goal(digest=B)).picture(at(20)).notices == (
        "sha256:bbbbbbbbbbbb is not announced: the channel holds sha256:aaaaaaaaaaaa",
    )


def test_a_revoked_release_is_at_its_end_when_nobody_activates_it() -> None:
    watched = take(a_fleet(), [announced(2, state=RolloutState.REVOKED)], at(60))
    assert ending(watched.picture(at(60)), UNTIL_DONE) is None
    take(watched, [said(hosts_in(CANARY, 5)[4], Step.CANCELLED, 61)], at(61))
    assert ending(watched.picture(at(62)), UNTIL_DONE) is Ending.REVOKED

"""Hosts as they describe themselves: presence, redeliveries, hosts that begin anew, bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.host_words import CHANNEL, A, B, a_follow, after_noon, says, told, will
from tests.support.statements import NOON
from tidegate_fleet.hosts import MOST_CHANNELS, Fleet, Host
from tidegate_fleet.standing import Phase, Standing
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence

if TYPE_CHECKING:
    from tidegate_fleet.words import HostEvent

STAGING = a_follow(state="staging", target=A, sequence=1)


class Witness:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.moves: list[tuple[Step | None, Step]] = []
        self.descriptions = 0

    def moved(self, host: Host, channel: tuple[str, str], before: Standing | None) -> None:
        self.moves.append((None if before is None else before.step, host.standings[channel].step))

    def described(self, host: Host) -> None:
        del host
        self.descriptions += 1


def fed(*words: HostEvent | HostStatus, fleet: Fleet | None = None) -> Fleet:
    """A fleet that heard this, one word a second."""
    fleet = fleet or Fleet()
    for number, word in enumerate(words):
        fleet.take(word, after_noon(number))
    return fleet


def host_of(*words: HostEvent | HostStatus) -> Host:
    return fed(*words).hosts["edge-1"]


# Presence


def test_a_will_says_that_a_host_is_gone_and_no_more() -> None:
    host = host_of(says(STAGING, labels={"site": "kiel"}), will())
    assert (host.online, host.labels, host.follow(CHANNEL)) == (False, {"site": "kiel"}, STAGING)
    assert host.standings[CHANNEL].phase is Phase.STAGING


def test_a_will_of_before_does_not_hide_a_live_host() -> None:
    assert host_of(says(born=(1, 2)), will(born=(1, 1))).online
    assert not host_of(says(born=(1, 2)), will(born=(1, 2))).online


def test_a_status_that_comes_out_of_order_brings_nothing_old_back() -> None:
    done = a_follow(state="succeeded", target=A, sequence=1)
    host = host_of(says(done, revision=2), says(STAGING, revision=1))
    assert host.follow(CHANNEL) == done
    assert host.standings[CHANNEL].phase is Phase.SUCCEEDED


def test_of_agents_that_do_not_count_their_statuses_the_last_word_counts() -> None:
    done = a_follow(state="succeeded", target=A, sequence=1)
    assert host_of(says(STAGING), says(done)).follow(CHANNEL) == done


def test_a_farewell_says_who_the_host_is() -> None:
    host = host_of(says(STAGING, labels={"site": "kiel"}, presence=Presence.OFFLINE, revision=4))
    assert (host.online, host.labels, host.follow(CHANNEL)) == (False, {"site": "kiel"}, STAGING)
    assert host.standings[CHANNEL].phase is Phase.STAGING


def test_a_will_and_what_was_told_before_it_may_come_in_any_order() -> None:
    before, told_last = says(born=(1, 2), revision=3), says(STAGING, born=(1, 3), revision=4)
    words = [before, told_last, will(born=(1, 3)), will(born=(1, 1))]
    for order in itertools.permutations(words):
        host = host_of(*order)
        assert (host.online, host.follow(CHANNEL)) == (False, STAGING)


def test_a_host_that_died_before_it_said_anything_is_known_by_what_it_said_before() -> None:
    host = host_of(will(born=(1, 3), at=after_noon(9)), says(STAGING, born=(1, 2), revision=3))
    assert (host.online, host.follow(CHANNEL)) == (False, STAGING)


def test_a_host_that_comes_back_is_online_whatever_will_is_retained() -> None:
    back = says(STAGING, born=(2, 1), revision=1, at=after_noon(60))
    assert host_of(will(born=(1, 7)), back).online
    assert host_of(back, will(born=(1, 7))).online


@pytest.mark.parametrize("at", [after_noon(60), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_will_that_comes_before_what_it_ends_is_kept(at: datetime) -> None:
    known, start = says(born=(5, 1), revision=3, at=after_noon(10)), 1 if at > NOON else 6
    born = (start, 1)
    end, status = will(born=born, at=at), says(STAGING, born=born, revision=1, at=at + timedelta(seconds=5))
    for order in ((known, end, status), (known, status, end)):
        assert not host_of(*order).online


def test_the_will_of_a_life_before_it_was_installed_anew_does_not_hide_a_host() -> None:
    anew, old = says(STAGING, born=(1, 1), revision=1, at=after_noon(60)), will(born=(9, 2))
    assert host_of(old, anew).online
    assert host_of(anew, old).online
    assert not host_of(old, anew, will(born=(1, 1), at=after_noon(50))).online


def test_a_host_that_was_gone_before_anybody_watched_is_known_by_name_alone() -> None:
    host = host_of(will())
    assert (host.online, host.labels, host.follow(CHANNEL), host.standings) == (False, {}, None, {})


def test_what_a_host_follows_no_longer_is_forgotten() -> None:
    other = a_follow(product="app")
    assert host_of(says(STAGING), says(other, born=(2, 1))).standings == {}


# Redeliveries and hosts that begin anew


def test_a_redelivery_is_told_from_news_and_another_event_of_its_name_is_none() -> None:
    fleet = fed(told(Step.ACCEPTED))
    assert fleet.take(told(Step.ACCEPTED), after_noon(1)) is None
    assert fleet.take(told(Step.ACCEPTED, after_noon(1)), after_noon(2)) is not None


def test_sixteen_events_that_come_again_together_are_all_known() -> None:
    words = [told(Step.STAGING, after_noon(n), percent=n, attempt=n + 1) for n in range(16)]
    fleet = fed(*words)
    assert [fleet.take(word, after_noon(99)) for word in words] == [None] * 16


def test_many_events_of_a_host_cost_what_few_do() -> None:
    words = [told(Step.ACCEPTED, after_noon(n), sequence=n + 1) for n in range(1000)]
    fleet = fed(*words)
    assert fleet.hosts["edge-1"].standings[CHANNEL].sequence == 1000
    assert fleet.take(words[-1], after_noon(2000)) is None


def test_a_host_that_was_installed_anew_is_heard_again() -> None:
    old = says(a_follow(state="succeeded", target=A, sequence=9), born=(57, 3))
    done = told(Step.SUCCEEDED, sequence=9, attempt=4)
    fleet = fed(old, done)
    new = says(a_follow(state="waiting", target=A, sequence=9), born=(1, 1), at=NOON + timedelta(days=1))
    host = fleet.take(new, NOON + timedelta(days=1))
    assert host is not None
    assert (host.begun_anew, host.standings[CHANNEL].phase) == (1, Phase.WAITING)
    again = told(Step.STAGING, NOON + timedelta(days=1, seconds=5), sequence=9, attempt=1)
    fleet.take(again, NOON + timedelta(days=1, seconds=6))
    assert host.standings[CHANNEL].phase is Phase.STAGING


def test_a_status_that_was_overtaken_is_no_new_beginning() -> None:
    fleet = fed(says(born=(57, 3), at=after_noon(60)))
    assert fleet.take(says(born=(56, 1), at=NOON), after_noon(61)) is None
    assert fleet.take(says(born=(56, 1), at=NOON + timedelta(days=3)), after_noon(62)) is None


def test_a_damaged_journal_makes_attempts_count_from_one_again() -> None:
    damage = told(Step.DAMAGED, after_noon(9), product=None, channel=None, sequence=None, digest=None)
    fresh = told(Step.ACCEPTED, after_noon(10), attempt=1)
    host = host_of(told(Step.FAILED, attempt=5), damage, fresh)
    assert (host.begun_anew, host.standings[CHANNEL].step) == (1, Step.ACCEPTED)


# Refusals


def test_refusals_are_counted_by_channel_and_move_nobody() -> None:
    refused: dict[str, Any] = {
        "sequence": None,
        "digest": None,
        "code": Code.SIGNATURE_MISSING,
        "reason": "unsigned",
    }
    words = [told(Step.REJECTED, after_noon(n), attempt=n + 1, **refused) for n in range(3)]
    host = host_of(told(Step.SUCCEEDED), *words)
    counted = host.refusals[CHANNEL]
    assert (counted.count, counted.code, counted.reason) == (3, Code.SIGNATURE_MISSING, "unsigned")
    assert host.standings[CHANNEL].phase is Phase.SUCCEEDED


# Who watches


def test_who_watches_is_told_of_moves_and_of_statuses() -> None:
    witness, fleet = Witness(), Fleet()
    fleet.watch(witness)
    fed(says(STAGING), told(Step.STAGING), told(Step.SUCCEEDED, after_noon(5)), will(), fleet=fleet)
    assert witness.moves == [
        (None, Step.STAGING),
        (Step.STAGING, Step.STAGING),
        (Step.STAGING, Step.SUCCEEDED),
    ]
    assert witness.descriptions == 2


def test_who_asks_for_signatures_takes_no_progress_from_a_status() -> None:
    fleet = fed(says(STAGING, labels={"site": "kiel"}), fleet=Fleet(believe_status=False))
    host = fleet.hosts["edge-1"]
    assert (host.online, host.labels, host.standings) == (True, {"site": "kiel"}, {})


def test_a_status_that_is_not_believed_hides_no_failure() -> None:
    fleet = fed(says(STAGING, born=(9, 1)), fleet=Fleet(believe_status=False))
    fleet.take(told(Step.FAILED, attempt=2), after_noon(1))
    for number, lie in enumerate((says(), says(a_follow(product="app")), says(STAGING, born=(1, 1)))):
        moment = after_noon(9 + number)
        fleet.take(lie.model_copy(update={"at": moment, "start": lie.start + 9 - number}), moment)
    fleet.take(told(Step.ACCEPTED, after_noon(20), attempt=1), after_noon(20))
    standing = fleet.hosts["edge-1"].standings[CHANNEL]
    assert (standing.phase, standing.attempt) == (Phase.FAILED, 2)


# Bounds


def test_hosts_beyond_the_cap_are_passed_over_and_known_ones_are_not() -> None:
    fleet = fed(*(says(host=f"h{n}") for n in range(5)), fleet=Fleet(most=3))
    assert (len(fleet.hosts), fleet.refused) == (3, 2)
    assert fleet.take(told(Step.ACCEPTED, host="h0"), after_noon(9)) is not None
    assert fleet.take(told(Step.ACCEPTED, host="h4"), after_noon(9)) is None


@pytest.mark.parametrize("step", [Step.ACCEPTED, Step.REJECTED])
def test_a_host_stands_in_no_more_channels_than_it_can_follow(step: Step) -> None:
    digest = None if step is Step.REJECTED else B
    words = [told(step, after_noon(n), channel=f"c{n}", digest=digest) for n in range(500)]
    host = host_of(*words)
    assert max(len(host.standings), len(host.refusals)) == MOST_CHANNELS


def test_a_host_moves_itself_alone() -> None:
    fleet = fed(told(Step.SUCCEEDED, host="edge-2"), told(Step.FAILED, host="edge-1", attempt=99))
    assert fleet.hosts["edge-2"].standings[CHANNEL].phase is Phase.SUCCEEDED
    assert fleet.hosts["edge-2"].heard == NOON


def test_an_event_of_the_far_future_counts_when_it_comes() -> None:
    far = replace(told(Step.ACCEPTED, NOON + timedelta(days=36_500)))
    host = host_of(far, says(a_follow(state="succeeded", target=A, sequence=1), at=after_noon(1)))
    assert host.standings[CHANNEL].phase is Phase.SUCCEEDED

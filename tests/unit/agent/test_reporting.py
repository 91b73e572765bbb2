"""What the fleet and people are told: ids, durations, caps, status, and the lines of the commands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.samples import EVENTS, PROVEN, STATES, WINDOW
from tests.support.statements import NOON, a_statement, an_event
from tests.support.updates import BOOT, EVERY_STATE, FAILURE, NEW, OLD, an_image, an_update
from tidegate_agent import machine, views
from tidegate_agent.admission import HostFacts, Memory, target_of
from tidegate_agent.machine.rules import Rules
from tidegate_agent.model import Failure, Follow
from tidegate_agent.records import Hold
from tidegate_agent.reporting import (
    Birth,
    FollowView,
    Profile,
    durations,
    follow_status,
    host_status,
    last_will,
    log_line,
    refusal_event,
    report_event,
    stale_event,
)
from tidegate_agent.update.commands import Quarantine, Report, ReportRefusal
from tidegate_agent.update.states import Staged, State, Verifying, Wait, WaitFor
from tidegate_agent.windows import Opening
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Inventory, Presence

FOLLOW = Follow("os", "stable")
FACTS = HostFacts("edge-1", "amd64", {"site": "lab"})
PROFILE = Profile(FACTS, Inventory(arch="amd64", kernel="6.1", os="Debian", agent="test"), BOOT)
SECONDS = timedelta(seconds=1)


def event(report: Report, later: int = 0) -> Any:
    return report_event(report, FOLLOW, PROFILE, NOON + later * SECONDS)


# Ids


def test_an_id_tells_host_follow_sequence_attempt_and_step() -> None:
    made = event(Report(Step.STAGED, an_update(attempt=2)))
    assert made.id == "edge-1/os/stable/1/2/staged"
    assert (made.subject, made.source) == ("edge-1", "/tidegate/hosts/edge-1")
    assert made.type == "dev.tidegate.update.staged"


def test_an_id_is_the_same_whenever_the_step_is_told_again() -> None:
    report = Report(Step.STAGED, an_update())
    assert event(report).id == event(report, later=60).id


def test_ids_differ_where_steps_attempts_statements_percents_or_waits_do() -> None:
    update = an_update()
    reports = [
        *(Report(step, update) for step in Step),
        Report(Step.STAGED, an_update(attempt=2)),
        Report(Step.STAGED, replace(update, target=target_of(a_statement(sequence=2)))),
        *(Report(Step.STAGING, update, percent=percent) for percent in (25, 50)),
        Report(Step.WAITING, update, wait=WINDOW),
    ]
    ids = [event(report).id for report in reports]
    ids.append(event(reports[-1], later=1).id)
    assert len(set(ids)) == len(ids)


def test_every_report_of_the_machine_is_an_event_with_an_id_of_its_own() -> None:
    for state in STATES:
        for happened in EVENTS:
            commands = machine.step(state, happened, NOON, Rules()).commands
            ids = [event(command).id for command in commands if isinstance(command, Report)]
            assert len(set(ids)) == len(ids)


def test_a_refusal_is_one_event_for_each_message_and_code() -> None:
    def made(message: str, code: Code, later: int = 0) -> str:
        report = ReportRefusal(message * 64, Failure(code, "no"))
        return refusal_event(report, FOLLOW, PROFILE, NOON + later * SECONDS).id

    first = made("a", Code.STATEMENT_EXPIRED)
    assert made("a", Code.STATEMENT_EXPIRED, later=9) == first
    assert len({first, made("b", Code.STATEMENT_EXPIRED), made("a", Code.STATEMENT_ROLLBACK)}) == 3


def test_the_longest_names_make_an_event() -> None:
    profile = replace(PROFILE, facts=HostFacts("h" * 64, "amd64"))
    update = replace(
        an_update(attempt=10**6), target=target_of(a_statement(sequence=limits.SEQUENCE, version="v" * 256))
    )
    report = Report(Step.WAITING, update, wait=WINDOW)
    assert len(report_event(report, Follow("p" * 64, "c" * 64), profile, NOON).id) <= 512


# Caps


def test_texts_and_details_are_capped() -> None:
    details = {f"{number}-" + "k" * 400: "v" * 9000 for number in range(100)}
    failure = Failure(Code.STAGE_FAILED, "x" * 9000, details)
    data = event(Report(Step.FAILED, an_update(), failure)).data
    assert len(data.reason) == limits.TEXT
    assert len(data.details) == limits.ITEMS
    assert {len(key) for key in data.details} == {256}
    assert {len(value) for value in data.details.values()} == {limits.TEXT}
    refused = refusal_event(ReportRefusal("a" * 64, failure), FOLLOW, PROFILE, NOON).data
    assert len(refused.reason) == limits.TEXT


def test_a_wait_is_told_with_its_end() -> None:
    data = event(Report(Step.WAITING, an_update(), wait=WINDOW)).data
    assert (data.waiting_for, data.until, data.reason) == ("window", WINDOW.until, "closed")


def test_a_stale_channel_is_one_event_for_each_statement() -> None:
    memory = Memory(4, "x", expires=NOON)
    made = stale_event(memory, FOLLOW, PROFILE, NOON)
    assert (made.id, made.data.sequence) == ("edge-1/os/stable/4/stale", 4)
    assert "2026-03-02T12:00:00Z" in made.data.reason


# Durations


def test_durations_sum_up_what_came_twice() -> None:
    marks = (
        (Step.ACCEPTED, NOON),
        (Step.STAGING, NOON + 1 * SECONDS),
        (Step.STAGED, NOON + 11 * SECONDS),
        (Step.STAGING, NOON + 20 * SECONDS),
        (Step.SUCCEEDED, NOON + 25 * SECONDS),
    )
    spent = durations(replace(an_update(), marks=marks), NOON + 30 * SECONDS)
    assert spent == {"accepted": 1, "staging": 15, "staged": 9, "total": 30}
    assert durations(replace(an_update(), marks=()), NOON) == {}


# Status


def view(state: State, **changes: Any) -> FollowView:
    fields: dict[str, Any] = {
        "memory": Memory(4, "x", expires=NOON),
        "image": an_image(OLD, NEW),
        "version": "0.9",
        "quarantined": {},
        "refused": 0,
        "stale": False,
        **changes,
    }
    return FollowView(FOLLOW, "fake", state, **fields)


@pytest.mark.parametrize("state", EVERY_STATE, ids=lambda state: state.kind)
def test_every_state_has_a_status_that_can_be_sent(state: State) -> None:
    status = host_status(PROFILE, Birth(1, 2), Presence.ONLINE, NOON, (follow_status(view(state)),))
    assert HostStatus.model_validate_json(status.to_json()) == status
    assert status.follows[0].state != "verifying"


def test_a_message_in_verification_does_not_show() -> None:
    assert follow_status(view(Verifying("f00", PROVEN))) == follow_status(view(PROVEN))


def test_what_is_waited_for_is_shown() -> None:
    status = follow_status(view(Staged(an_update(), WINDOW)))
    assert (status.state, status.waiting_for, status.until) == ("staged", "window", WINDOW.until)
    assert (status.current, status.staged, status.target, status.sequence) == (OLD, NEW, NEW, 4)


def test_many_quarantined_digests_are_capped() -> None:
    digests = {f"sha256:{number:064x}": FAILURE for number in range(100)}
    assert len(follow_status(view(PROVEN, quarantined=digests)).quarantined) == limits.ITEMS


def test_staleness_is_told_since_when() -> None:
    assert follow_status(view(PROVEN, stale=True)).stale_since == NOON
    assert follow_status(view(PROVEN)).stale_since is None


def test_a_last_will_says_which_connection_is_over_and_no_more() -> None:
    status = last_will(PROFILE, Birth(3, 4), NOON)
    assert (status.start, status.connection, status.boot_id) == (3, 4, BOOT)
    assert (status.labels, status.inventory, status.follows) == ({}, None, ())
    assert status.is_will


def test_a_farewell_says_who_the_host_is() -> None:
    status = host_status(PROFILE, Birth(3, 4), Presence.OFFLINE, NOON)
    assert (status.labels, status.inventory) == (PROFILE.facts.labels, PROFILE.inventory)


# Lines for people


def test_log_lines() -> None:
    level, line = log_line(Report(Step.STAGING, an_update(), percent=50), "os/stable")
    assert (level, line) == ("INFO", f"os/stable 1.0 {NEW[:19]}: staging 50 %")
    _, line = log_line(Report(Step.FAILED, an_update(), FAILURE), "os/stable")
    assert line.endswith("failed [health.failed] web: 503")
    for command in (ReportRefusal("f00", FAILURE), Quarantine(NEW, FAILURE)):
        level, line = log_line(command, "os/stable")
        assert level == "WARNING"
        assert "[health.failed] web: 503" in line


def test_status_lines_say_what_runs_what_waits_and_until_when() -> None:
    follow = follow_status(
        view(Staged(an_update(), WINDOW), quarantined={NEW: FAILURE}, refused=3, stale=True)
    )
    status = host_status(PROFILE, Birth(1, 1), Presence.ONLINE, NOON, (follow,))
    lines = list(views.status_lines(status, running=True))
    assert lines[:2] == ["host edge-1: online", "  os/stable: staged"]
    text = "\n".join(lines)
    for part in (
        "runs      sha256:000000000000 0.9",
        "target    sha256:aaaaaaaaaaaa 1.0",
        "approve --now",
        "waits for window: closed (until 2026-03-02 ",
        "stale since",
        "3 messages refused since the agent started: see tidegate-agent history",
    ):
        assert part in text
    assert "quarantined sha256:aaaaaaaaaaaa" in text
    assert max(len(line) for line in lines) < 110


def test_status_lines_of_a_host_at_rest_are_few() -> None:
    resting = follow_status(view(EVERY_STATE[0], image=an_image(None), version=None, memory=Memory()))
    status = host_status(PROFILE, Birth(0, 0), Presence.OFFLINE, NOON, (resting,))
    lines = list(views.status_lines(status, running=False))
    assert lines == [
        "host edge-1: the agent is not running; this is its journal",
        "  os/stable: idle",
        "    runs      none",
        "    no statement of this channel was accepted yet",
    ]


def test_nobodys_words_begin_a_line_of_their_own() -> None:
    forged = "a\n  os/stable: succeeded\x1b[A"
    hold = Hold(held=True, by=forged, reason=forged)
    follow = follow_status(view(Staged(an_update(), Wait(WaitFor.HOLD, forged)), hold=hold, version=forged))
    status = host_status(PROFILE, Birth(1, 1), Presence.ONLINE, NOON, (follow,))
    lines = list(views.status_lines(status, running=True, broker=forged))
    data = an_event().data.model_copy(update={"reason": forged, "version": forged})
    lines.append(views.history_line(an_event().model_copy(update={"data": data})))
    assert all(line.isprintable() for line in lines)
    assert sum("a\N{RETURN SYMBOL}  os/stable: succeeded\ufffd[A" in line for line in lines) == 5


def test_a_history_line() -> None:
    line = views.history_line(an_event())
    assert line == "2026-03-02 12:00:00Z  succeeded    os/stable sha256:aaaaaaaaaaaa"
    unknown = an_event().model_copy(update={"data": an_event().data.model_copy(update={"digest": None})})
    assert views.history_line(unknown).endswith("  succeeded    os/stable")
    data = {"code": Code.HEALTH_FAILED, "reason": "web: 503", "percent": 50, "version": "2.0"}
    told = an_event().model_copy(update={"data": an_event().data.model_copy(update=data)})
    assert views.history_line(told).endswith(
        "os/stable 2.0 sha256:aaaaaaaaaaaa 50 % [health.failed] web: 503"
    )


def test_an_opening_is_shown_in_the_hosts_time_and_in_utc() -> None:
    opening = Opening(NOON, NOON + timedelta(hours=2))
    line = views.opening_line(opening, ZoneInfo("Europe/Berlin"), NOON - SECONDS)
    assert line == "Mon 2026-03-02 13:00 CET until Mon 15:00 CET (opens 2026-03-02T12:00Z)"
    assert views.opening_line(opening, ZoneInfo("UTC"), NOON).startswith("open now, ")
    assert "no end in sight" in views.opening_line(Opening(NOON, None), ZoneInfo("UTC"), NOON)

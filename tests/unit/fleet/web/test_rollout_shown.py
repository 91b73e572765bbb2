"""A release under way on the page and in the API: who waits as planned, and for what, and who leads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import BEGIN, NEW, NOW, a_host, an_update, new_statement
from tests.support.page_client import a_history, a_page
from tidegate_fleet.history import StatementRecord
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState, Runner

if TYPE_CHECKING:
    from tidegate_fleet.history import ReleaseRecord
    from tidegate_fleet.hosts import Channel

PAGE = f"/releases/os/stable/{NEW}"
RELEASE = f"/api/v1{PAGE}"


def record(
    sequence: int, opened: int, state: RolloutState = RolloutState.ACTIVE, seconds: float = 0, **rollout: Any
) -> StatementRecord:
    said = new_statement(sequence, opened, state)
    changed = said.predicate.rollout.model_copy(update=rollout)
    said = said.model_copy(update={"predicate": said.predicate.model_copy(update={"rollout": changed})})
    return StatementRecord(said, NOW + timedelta(seconds=seconds), verified=True, signers=("release job",))


def runner(**fields: Any) -> Runner:
    return Runner(
        id="ci-77", process="p", until=NOW + timedelta(minutes=5), began_at=BEGIN, wave="early", **fields
    )


def a_fleet(*records: StatementRecord, quiet: int = 30) -> FakeHistory:
    """Two hosts that succeeded, one that activates, one that waits for its window, and many that wait."""
    history = FakeHistory()
    for index in range(quiet):
        history.take(a_host(f"quiet-{index:02d}", {}, end=None), NOW)
    for name, step in (
        ("a-1", Step.SUCCEEDED),
        ("a-2", Step.SUCCEEDED),
        ("b-1", Step.ACTIVATING),
        ("c-1", Step.WAITING),
    ):
        history.take(a_host(name, {}, end=step), NOW)
        history.take(an_update(name, step, NOW), NOW)
    for one in records:
        history.take(one, one.heard)
    return history


def text(page: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", page).split())


def test_who_waits_for_a_closed_wave_is_no_drift() -> None:
    page = a_page(a_fleet(record(11, 0)))
    (channel,) = page.get("/api/v1/summary").json()["channels"]
    told = page.get(RELEASE).json()
    closed = sum(wave["counts"]["pending"] + wave["counts"]["waiting"] for wave in told["waves"])
    assert closed == 31
    assert (channel["waiting"], channel["drift"]) == (31, 1), "b-1 is on its way"
    shown = text(page.get("/").text)
    assert "1 run something else than is announced, 31 wait as planned." in shown
    assert "31 wait as planned: their wave is closed" in shown
    assert "31 wait for their wave" in text(page.get(PAGE).text)


def test_hosts_of_a_held_release_are_not_under_way() -> None:
    page = a_page(a_fleet(record(11, 3, RolloutState.HELD)))
    assert page.get(RELEASE).json()["waiting"] == 31
    shown = text(page.get(PAGE).text)
    assert "2 of 34 hosts succeeded, 1 are under way, 31 wait as the release is held" in shown


def test_what_has_not_begun_in_an_open_wave_is_told_as_that() -> None:
    shown = text(a_page(a_fleet(record(11, 3))).get(PAGE).text)
    assert "2 of 34 hosts succeeded, 1 are under way, 31 have not begun" in shown


def test_an_approval_that_is_waited_for_is_on_the_page_and_in_the_api() -> None:
    asks = runner(asks="early", asked_at=NOW - timedelta(minutes=20))
    page = a_page(a_fleet(record(11, 1), record(12, 1, runner=asks)))
    told = page.get(RELEASE).json()
    command = "tidegate rollout approve os/stable early --expect-sequence 12"
    assert told["approval"] == {"wave": "early", "since": "2026-03-02T13:40:00Z", "command": command}
    assert told["runner"]["id"] == "ci-77"
    assert told["runner"]["leads"] is True
    assert (told["timeline"][-1]["deed"], told["timeline"][-1]["waves"]) == ("asked", ["early"])
    (channel,) = page.get("/api/v1/summary").json()["channels"]
    assert channel["announced"]["approval"] == told["approval"]
    for path in ("/", PAGE):
        shown = text(page.get(path).text)
        assert "Waits for approval of wave early since 2026-03-02T13:40:00Z" in shown
        assert command in shown
    assert "Led by the run ci-77, which waits for wave early." in text(page.get(PAGE).text)


def test_an_approved_or_held_release_asks_nobody() -> None:
    asks = {"asks": "early", "asked_at": NOW}
    given = a_fleet(
        record(11, 1, runner=runner(**asks)), record(12, 1, runner=runner(**asks, approved=("early",)))
    )
    told = a_page(given).get(RELEASE).json()
    assert told["approval"] is None
    assert told["timeline"][-1]["deed"] == "approved"
    held = a_page(a_fleet(record(11, 1, RolloutState.HELD, runner=runner(**asks))))
    assert held.get(RELEASE).json()["approval"] is None
    assert held.get(RELEASE).json()["runner"]["leads"] is False
    assert "Waits for approval" not in held.get(PAGE).text


def widened(sequence: int, fraction: float) -> StatementRecord:
    whole = new_statement(sequence, 3).predicate.rollout.waves
    waves = (*whole[:2], whole[2].model_copy(update={"fraction": fraction}))
    leads = Runner(id="ci-77", process="p", until=NOW, began_at=BEGIN, wave="everybody", whole=1.0)
    return record(sequence, 3, seconds=sequence, waves=waves, runner=leads)


def test_a_wave_that_a_budget_widens_says_how_far_it_is_and_keeps_its_hosts() -> None:
    page = a_page(a_fleet(widened(11, 0.3), widened(12, 0.35), widened(13, 0.39)))
    told = page.get(RELEASE).json()
    everybody = told["waves"][-1]
    assert [wave["name"] for wave in told["waves"]] == ["canary", "early", "everybody"], "nobody is in none"
    assert (everybody["fraction"], everybody["whole"], everybody["howFar"]) == (0.39, 1.0, "open for 39 %")
    (_, widening) = told["timeline"]
    assert (widening["deed"], widening["count"], widening["sequence"], widening["through"]) == (
        "widened",
        2,
        12,
        13,
    )
    shown = text(page.get(PAGE).text)
    assert "open for 39 %" in shown
    assert "widened step by step, as the budget allows" in shown


def test_heartbeats_in_a_row_are_one_line() -> None:
    page = a_page(a_fleet(*(record(sequence, 3, seconds=sequence) for sequence in range(11, 40))))
    told = page.get(RELEASE).json()["timeline"]
    assert [(one["deed"], one["count"], one["through"]) for one in told] == [
        ("announced", 1, 11),
        ("renewed", 28, 39),
    ]
    assert "Renewed , 28 times" in text(page.get(PAGE).text)
    assert "statements 12 to 39" in text(page.get(PAGE).text)


def test_an_image_that_is_announced_again_says_so_in_its_list() -> None:
    page = a_page(a_fleet(record(11, 3, RolloutState.HELD), record(20, 1, seconds=5, seed="another")))
    told = page.get(RELEASE).json()["timeline"]
    assert [one["deed"] for one in told] == ["announced", "held", "announced"]
    assert told[-1]["waves"] == ["canary"]


def test_a_host_that_others_speak_for_says_so_on_its_page() -> None:
    history = a_fleet(record(11, 3))
    again = an_update("a-1", Step.SUCCEEDED, NOW).model_copy(update={"time": BEGIN})
    history.take(again, NOW)
    page = a_page(history)
    assert page.get("/api/v1/hosts/a-1").json()["collided"] == 1
    assert "1 events came with the id of an earlier one" in text(page.get("/hosts/a-1").text)
    assert "Not all that it says" not in page.get("/hosts/a-2").text


def test_a_hosts_history_is_told_to_the_second() -> None:
    history = FakeHistory()
    history.take(an_update("a-1", Step.STAGING, BEGIN + timedelta(seconds=7)), NOW)
    assert "2026-03-02T08:00:07Z" in text(a_page(history).get("/hosts/a-1").text)


@dataclass
class Frugal(FakeHistory):
    """Counts how often releases were gone through."""

    asked: int = 0

    def releases(self, limit: int = 50, channel: Channel | None = None) -> tuple[ReleaseRecord, ...]:
        self.asked += 1
        return super().releases(limit, channel)


def test_to_show_one_release_no_others_are_counted() -> None:
    history = Frugal(
        **{name: getattr(a_history(10), name) for name in ("dossiers", "events", "records", "first")}
    )
    page = a_page(history)
    assert page.get(RELEASE).json()["release"]["announced"] is True
    assert page.get("/api/v1/summary").json()["channels"][0]["announced"]["digest"] == NEW
    assert history.asked == 0

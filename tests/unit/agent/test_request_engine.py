"""What a host does with requests: each action in each state, replays, faults and power cuts between."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.journal import FakeJournal
from tests.fakes.verifier import Person
from tests.support.requests import a_request
from tests.support.rig import FOLLOW, HOST, TOPICS, Rig
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.mailbox import CAPACITY
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow
from tidegate_agent.refusals import TOLD
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.requests import Action
from tidegate_schemas.rollout import Rollout, RolloutState
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Journal

BETA = Follow("app", "beta")
HELD = Rollout(seed="seed", state=RolloutState.HELD)
NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))


@pytest.fixture(params=["fake", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = FakeJournal() if request.param == "fake" else SqliteJournal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def rig(journal: Journal) -> Rig:
    return Rig(journal=journal, requests=RequestPolicy())


def outcome(rig: Rig) -> tuple[str, Code | None]:
    """Of the newest answer."""
    data = rig.answers()[-1].data
    return data.details["outcome"], data.code


def about(action: Action) -> dict[str, Any]:
    """What has to be said beside the action."""
    return {"digest": OLD} if action is Action.ROLLBACK else {}


def statuses(rig: Rig) -> list[HostStatus]:
    sent = [each.payload for each in rig.broker.published if each.topic == TOPICS.status(HOST)]
    return [HostStatus.model_validate_json(payload) for payload in sent]


# Each action


def test_a_hold_keeps_an_update_from_beginning_until_a_resume(rig: Rig) -> None:
    rig.request("hold", reason="the line is running")
    rig.announce(NEW)
    status = rig.status().follows[0]
    assert (status.state, status.waiting_for, rig.image.calls) == ("waiting", "hold", [])
    assert status.reason == status.hold == "held by https://ci.example/os/release: the line is running"
    rig.request("resume")
    assert rig.image.status().current == NEW
    assert rig.status().follows[0].hold is None
    assert [event.data.details["outcome"] for event in rig.answers()] == ["done", "done"]


def test_a_hold_keeps_what_is_staged_from_being_activated(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), manners=NIGHT)
    rig.announce(NEW)
    assert rig.status().follows[0].waiting_for == "window"
    rig.request("hold")
    assert rig.status().follows[0].waiting_for == "hold"
    rig.advance(timedelta(hours=14, minutes=30))
    assert (rig.image.status().staged, rig.image.status().current) == (NEW, OLD)
    rig.request("resume")
    assert rig.image.status().current == NEW


def test_a_hold_survives_a_restart(rig: Rig) -> None:
    rig.request("hold")
    rig.restart()
    rig.announce(NEW)
    assert rig.status().follows[0].waiting_for == "hold"
    rig.restart(boot=True)
    assert rig.image.status().current == OLD


def test_an_update_past_the_point_of_no_return_goes_on(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), reboots=True)
    rig.announce(NEW)
    assert rig.status().follows[0].state == "rebooting"
    rig.request("hold")
    rig.restart(boot=True)
    assert rig.status().follows[0].state == "succeeded"
    rig.announce(NEWER, sequence=2)
    assert rig.status().follows[0].waiting_for == "hold"


def test_a_rollback_returns_to_the_previous_image_and_stays_there(rig: Rig) -> None:
    message = rig.announce(NEW)
    rig.request("rollback", digest=OLD, reason="tills crash")
    assert rig.image.status().current == OLD
    status = rig.status().follows[0]
    assert (status.state, status.code) == ("rolled-back", Code.ROLLBACK_REQUESTED)
    assert status.reason == "https://ci.example/os/release asked for it: tills crash"
    assert outcome(rig) == ("begun", None)
    rig.say(message)
    rig.restart()
    rig.announce(NEW, sequence=2)
    assert rig.image.status().current == OLD


def test_a_rollback_to_another_image_than_the_previous_is_pointless(rig: Rig) -> None:
    rig.announce(NEW)
    rig.request("rollback", digest=NEWER)
    assert (rig.image.status().current, outcome(rig)) == (NEW, ("refused", Code.REQUEST_POINTLESS))


def test_a_rollback_below_the_floor_is_refused(rig: Rig) -> None:
    rig.announce(NEW, sequence=5, floor=5)
    rig.request("rollback", digest=OLD)
    assert (rig.image.status().current, outcome(rig)) == (NEW, ("refused", Code.STATEMENT_FLOOR))


def test_no_rollback_while_an_update_is_in_progress(rig: Rig) -> None:
    rig.announce(NEW)
    rig.announce(NEWER, sequence=2, rollout=HELD)
    rig.request("rollback", digest=OLD)
    assert (rig.image.status().current, outcome(rig)) == (NEW, ("refused", Code.REQUEST_POINTLESS))


def test_a_recheck_judges_anew_what_was_refused(rig: Rig) -> None:
    message = rig.announce(NEW, settle=False)
    rig.verifier.refuse(message, Code.SIGNATURE_ROOT, "another Sigstore's")
    rig.settle()
    rig.verifier.relent(message)
    rig.say(message)
    assert rig.image.status().current == OLD
    rig.request("recheck")
    assert rig.image.status().current == NEW
    assert outcome(rig) == ("done", None)


def test_an_inventory_is_published_though_nothing_changed(rig: Rig) -> None:
    before = len(statuses(rig))
    rig.request("inventory")
    told = statuses(rig)
    assert len(told) == before + 1
    assert told[-1].inventory is not None
    changes = {"at": None, "revision": 0}
    assert told[-1].model_copy(update=changes) == told[-2].model_copy(update=changes)
    assert told[-1].revision == told[-2].revision + 1


def test_an_answer_says_what_was_asked_by_whom(rig: Rig) -> None:
    rig.request("recheck", nonce="n" * 22, product="os", channel="stable")
    event = rig.answers()[0]
    assert event.id == f"edge-1/requests/{'n' * 22}/answered"
    assert (event.data.product, event.data.channel) == ("os", "stable")
    assert event.data.details == {
        "action": "recheck",
        "nonce": "n" * 22,
        "signer": "https://ci.example/os/release",
        "outcome": "done",
    }


def test_a_reason_is_cut_and_can_do_no_harm(rig: Rig) -> None:
    rig.request("hold", reason="a \x1b[2J\n" + "x" * 1000)
    hold = rig.status().follows[0].hold
    assert hold is not None
    assert hold.startswith("held by https://ci.example/os/release: a \ufffd[2J\N{RETURN SYMBOL}xxx")
    assert len(hold) < 300


# Which follow


def test_a_request_is_about_the_follow_that_it_names(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), follows=(FOLLOW, BETA))
    rig.request("hold", product="app", channel="beta")
    rig.announce(NEW)
    rig.announce(NEW, follow=BETA)
    waits = {status.product: status.waiting_for for status in rig.status().follows}
    assert waits == {"os": None, "app": "hold"}


def test_without_a_name_it_is_about_all(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), follows=(FOLLOW, BETA))
    rig.request("hold")
    assert all(status.hold for status in rig.status().follows)
    assert (rig.answers()[0].data.product, rig.answers()[0].data.channel) == (None, None)
    assert rig.answers()[0].data.reason == "held: os/stable, app/beta"


def test_a_follow_that_the_host_does_not_have(rig: Rig) -> None:
    rig.request("hold", product="app", channel="beta")
    assert outcome(rig) == ("refused", Code.REQUEST_POINTLESS)


def test_an_older_hold_that_comes_late_does_not_undo_a_resume(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), follows=(FOLLOW, BETA))
    said = rig.clock.now()
    rig.clock.advance(timedelta(minutes=1))
    rig.request("resume", product="os", channel="stable")
    rig.request("hold", issued_at=said)
    assert [bool(status.hold) for status in rig.status().follows] == [False, True]
    rig.request("hold", issued_at=said, product="os", channel="stable")
    assert outcome(rig) == ("refused", Code.REQUEST_OVERTAKEN)
    assert rig.status().follows[0].hold is None


# Who may not, and what may not


@pytest.mark.parametrize("action", list(Action))
def test_a_replay_changes_nothing_and_is_told_once(rig: Rig, action: Action) -> None:
    rig.announce(NEW, sequence=2)
    message = rig.request(action, **about(action))
    calls, told = list(rig.image.calls), rig.answers()
    for _ in range(3):
        rig.restart()
        rig.send(message)
    replays = [event for event in rig.answers() if event.data.code is Code.REQUEST_REPLAYED]
    assert len({event.id for event in replays}) == 1
    assert len({event.id for event in rig.answers()}) == len(told) + 1
    assert rig.image.calls == calls


def test_another_envelope_around_the_same_request_is_a_replay(rig: Rig) -> None:
    request = a_request(Action.HOLD, issued_at=rig.clock.now())
    rig.send(rig.verifier.sign(request.to_json()))
    rig.request("resume", issued_at=rig.clock.now() + timedelta(seconds=1))
    rig.send(rig.verifier.sign(request.to_json()))
    assert outcome(rig) == ("refused", Code.REQUEST_REPLAYED)
    assert rig.status().follows[0].hold is None


def test_a_replay_is_known_after_its_nonce_was_forgotten_and_the_clock_set_back(rig: Rig) -> None:
    start = rig.clock.now()
    message = rig.request("hold")
    rig.advance(timedelta(days=3))
    rig.request("resume")
    rig.restart()
    rig.clock.set(start)
    rig.send(message)
    assert outcome(rig) == ("refused", Code.REQUEST_EXPIRED)
    assert rig.status().follows[0].hold is None


def test_a_request_for_another_host(rig: Rig) -> None:
    rig.request("hold", host="edge-2")
    assert outcome(rig) == ("refused", Code.REQUEST_OTHER_HOST)
    assert rig.status().follows[0].hold is None


def test_a_request_by_somebody_else(rig: Rig) -> None:
    stranger = Person("https://ci.example/other", "https://issuer.example")
    rig.send(rig.verifier.sign(a_request(Action.HOLD).to_json(), stranger))
    assert outcome(rig) == ("refused", Code.SIGNATURE_IDENTITY)
    assert rig.status().follows[0].hold is None


def test_a_statement_is_no_request_and_a_request_no_statement(rig: Rig) -> None:
    statement = rig.announce(NEW)
    rig.send(statement)
    assert outcome(rig) == ("refused", Code.STATEMENT_TYPE)
    rig.say(rig.verifier.sign(a_request(Action.HOLD).to_json()))
    assert rig.events()[-1].data.code is Code.STATEMENT_TYPE
    assert rig.status().follows[0].hold is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"hours": -2, "for": 1}, Code.REQUEST_EXPIRED),
        ({"hours": 2, "for": 1}, Code.REQUEST_EXPIRED),
        ({"hours": 0, "for": 25}, Code.REQUEST_EXPIRED),
    ],
    ids=["too late", "from the future", "for too long"],
)
def test_a_request_at_the_wrong_time_is_answered(rig: Rig, changes: dict[str, int], code: Code) -> None:
    issued = rig.clock.now() + timedelta(hours=changes["hours"])
    rig.request("hold", issued_at=issued, expires=issued + timedelta(hours=changes["for"]))
    assert outcome(rig) == ("refused", code)
    assert rig.status().follows[0].hold is None


def test_a_host_that_takes_no_requests_hears_none(journal: Journal) -> None:
    rig = Rig(journal=journal)
    rig.request("hold")
    rig.agent.received(
        TOPICS.requests(HOST), rig.verifier.sign(a_request(Action.HOLD).to_json()), retained=False
    )
    rig.settle()
    assert (rig.answers(), rig.status().follows[0].hold) == ([], None)


def test_too_few_signers_are_nobody(rig: Rig) -> None:
    rig.verifier.enough = False
    rig.request("hold")
    assert outcome(rig) == ("refused", Code.SIGNATURE_THRESHOLD)
    assert rig.status().follows[0].hold is None


@pytest.mark.parametrize("action", list(Action))
def test_what_was_decided_is_off_the_inbox_and_its_nonce_used_up(rig: Rig, action: Action) -> None:
    rig.announce(NEW, sequence=2)
    message = rig.request(action, nonce="n" * 22, **about(action))
    assert (rig.journal.kept(), list(rig.journal.ledger().spent)) == ([], ["n" * 22])
    rig.send(message)
    assert rig.journal.kept() == []


def test_a_time_that_a_certificate_proves_raises_the_clock_floor(rig: Rig) -> None:
    later = rig.clock.now() + timedelta(minutes=3)
    request = a_request(Action.HOLD, issued_at=later)
    rig.send(rig.verifier.sign(request.to_json(), signed_at_least=later))
    assert (outcome(rig), rig.journal.clock_floor()) == (("done", None), later)


# Floods


def test_rubbish_is_told_of_up_to_a_limit_and_leaves_nothing_on_disk(rig: Rig) -> None:
    for number in range(3 * TOLD):
        rig.send(b"rubbish %d" % number)
    assert len(rig.answers()) == TOLD
    assert rig.journal.kept() == []
    rig.request("hold")
    assert rig.status().follows[0].hold is not None


def test_a_flood_does_not_lose_a_request_that_came_before_it(rig: Rig) -> None:
    rig.request("hold", settle=False)
    for number in range(2 * CAPACITY):
        rig.send(b"rubbish %d" % number, settle=False)
    rig.settle()
    assert rig.status().follows[0].hold is not None


def test_statements_go_first(rig: Rig) -> None:
    order: list[str] = []
    rig.verifier.meanwhile = lambda: order.append("statement")
    rig.verifier.meanwhile_request = lambda: order.append("request")
    for number in range(5):
        rig.send(b"rubbish %d" % number, settle=False)
    rig.announce(NEW)
    # The statement once more: right before its image is activated.
    assert (order[0], sorted(order)) == ("statement", [*["request"] * 5, *["statement"] * 2])
    assert rig.image.status().current == NEW


# Faults and power cuts


def test_power_fails_after_the_request_came_and_before_it_is_judged(rig: Rig) -> None:
    """The broker has its PUBACK and does not deliver again."""
    rig.request("hold", settle=False)
    rig.restart()
    assert rig.status().follows[0].hold is not None
    assert [event.data.details["outcome"] for event in rig.answers()] == ["done"]
    rig.restart()
    assert len({event.id for event in rig.answers()}) == 1
    assert rig.journal.kept() == []


@pytest.mark.parametrize("action", list(Action))
def test_the_disk_fails_in_the_middle(action: Action) -> None:
    """Nothing has been done then; it is done, once, when the disk is there again."""
    journal = FakeJournal()
    rig = Rig(journal=journal, requests=RequestPolicy())
    rig.announce(NEW, sequence=2)
    rig.verifier.meanwhile_request = lambda: setattr(journal, "broken", True)
    rig.request(action, **about(action))
    assert (rig.answers(), rig.image.status().current, journal.hold(FOLLOW)) == ([], NEW, None)
    journal.broken = False
    rig.advance(timedelta(minutes=1))
    assert [event.data.code for event in rig.answers()] == [None]
    assert rig.image.status().current == (OLD if action is Action.ROLLBACK else NEW)


def test_a_disk_that_is_full_on_arrival_does_not_stop_a_request() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal, requests=RequestPolicy())
    journal.broken = True
    rig.request("hold", settle=False)
    journal.broken = False
    rig.settle()
    assert rig.status().follows[0].hold is not None


def test_the_step_of_an_answer_is_not_final() -> None:
    assert not Step.ANSWERED.final

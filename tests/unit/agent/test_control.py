"""What a person on the host may ask of the agent, on fakes: each request and each reason to refuse it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.health import HEALTHY, SICK
from tests.support.rig import FOLLOW, Rig
from tests.support.updates import NEW, OLD
from tidegate_agent.control import Control
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow, ImageStatus
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import HostStatus, Presence

NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))


def refused(rig: Rig, command: str, *, code: Code = Code.REQUEST_POINTLESS, **arguments: object) -> str:
    answer = rig.ask(command, **arguments)
    assert (answer["ok"], answer["code"]) == (False, code)
    return str(answer["reason"])


def test_status_is_what_operators_see() -> None:
    rig = Rig()
    told = HostStatus.model_validate(rig.ask("status")["status"], strict=False)
    assert (told.presence, told.follows) == (Presence.ONLINE, rig.status().follows)
    rig.broker.down()
    rig.settle()
    assert rig.ask("status")["status"]["presence"] == "offline"


@pytest.mark.parametrize("command", ["approve", "pardon", "rollback", "cancel", "resume"])
def test_the_follow_is_named_where_there_are_several(command: str) -> None:
    rig = Rig(follows=(FOLLOW, Follow("app", "beta")))
    unnamed = refused(rig, command, code=Code.REQUEST_INVALID)
    assert "os/stable, app/beta" in unnamed
    assert refused(rig, command, code=Code.REQUEST_INVALID, follow="app/stable") == unnamed
    assert "os/stable, app/beta" not in refused(rig, command, follow="app/beta")


@pytest.mark.parametrize("request_", [{}, {"command": None}, {"command": ["status"]}, {"command": "STATUS"}])
def test_unknown_commands_are_answered_with_those_there_are(request_: dict[str, Any]) -> None:
    answer = Control(Rig().agent, lambda *_: None).answer(request_)
    assert answer["code"] == Code.REQUEST_INVALID
    known = "apply, approve, cancel, hold, pardon, refresh-root, resume, rollback, snooze, status"
    assert known in answer["reason"]


def test_there_has_to_be_something_to_approve() -> None:
    rig = Rig()
    assert "nothing" in refused(rig, "approve") or "no update" in refused(rig, "approve")
    rig.announce(NEW)
    refused(rig, "approve")


def test_what_is_being_proven_needs_no_approval_and_gets_no_further_round() -> None:
    rig = Rig()
    rig.health.answers = [SICK]
    rig.announce(NEW)
    assert rig.status().follows[0].state == "proving"
    refused(rig, "approve")
    assert rig.health.rounds == 1


def test_only_true_waives_the_window() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    for now in (False, 1, "yes", None):
        assert rig.ask("approve", now=now)["ok"]
        assert rig.image.status().current == OLD
    answer = rig.ask("approve", now=True)
    assert answer == {"ok": True, "follow": "os/stable", "digest": NEW, "waits": None}
    assert rig.image.status().current == NEW


def test_what_an_approved_update_still_waits_for_is_said() -> None:
    rig = Rig(manners=NIGHT)
    rig.announce(NEW)
    assert "maintenance window" in rig.ask("approve")["waits"]


def test_why_the_broker_is_away_is_said() -> None:
    rig = Rig()
    assert rig.ask("status")["broker"] is None
    rig.broker.down()
    rig.settle()
    assert "bus.unreachable" in rig.ask("status")["broker"]
    rig.broker.up()
    rig.settle()
    assert rig.ask("status")["broker"] is None


def test_only_what_is_quarantined_can_be_pardoned() -> None:
    rig = Rig()
    rig.health.answers = [SICK]
    assert NEW in refused(rig, "pardon", digest=NEW)
    refused(rig, "pardon")
    rig.announce(NEW)
    for _ in range(2):
        rig.advance(timedelta(seconds=10))
    assert rig.status().follows[0].quarantined == (NEW,)
    assert rig.ask("pardon", digest=NEW)["digest"] == NEW
    assert rig.status().follows[0].quarantined == ()
    refused(rig, "pardon", digest=NEW)
    rig.health.answers = [HEALTHY]


def test_an_update_is_cancelled_before_activation_only() -> None:
    rig = Rig(manners=NIGHT)
    refused(rig, "cancel")
    rig.announce(NEW)
    assert rig.ask("cancel", reason="not today")["ok"]
    assert (rig.steps()[-1], rig.events()[-1].data.reason) == (Step.CANCELLED, "not today")
    refused(rig, "cancel")


def test_an_update_in_activation_is_neither_cancelled_nor_rolled_back() -> None:
    rig = Rig(reboots=True)
    rig.announce(NEW)
    refused(rig, "cancel")
    refused(rig, "rollback")


def test_reasons_are_short_and_have_a_default() -> None:
    rig = Rig()
    rig.announce(NEW)
    assert rig.ask("rollback", reason="x" * 5000)["ok"]
    assert rig.events()[-1].data.reason == "x" * 200
    rig = Rig()
    rig.announce(NEW)
    assert rig.ask("rollback", reason="a\nb\ud800")["ok"]
    assert rig.events()[-1].data.reason == "a\N{RETURN SYMBOL}b\ufffd"
    rig = Rig()
    rig.announce(NEW)
    rig.ask("rollback", reason="")
    assert rig.events()[-1].data.reason == "a person asked for it"


def test_going_back_quarantines_what_was_left() -> None:
    rig = Rig()
    rig.announce(NEW)
    assert rig.ask("rollback") == {"ok": True, "follow": "os/stable"}
    assert (rig.image.status().current, rig.status().follows[0].quarantined) == (OLD, (NEW,))
    calls = len(rig.image.calls)
    rig.announce(NEW, sequence=2)
    assert len(rig.image.calls) == calls


@pytest.mark.parametrize("by", ["request", "person"])
def test_no_way_back_to_what_was_given_up_on(by: str) -> None:
    rig = Rig(reboots=True, requests=RequestPolicy())
    rig.announce(NEW)
    # The boot loader fell back: what it gave up on is the previous image now.
    rig.host.boot()
    rig.image.reboot(ImageStatus(OLD, None, NEW))
    rig.restart()
    assert rig.status().follows[0].quarantined == (NEW,)
    # A way back needs to know what runs.
    rig.announce(OLD, sequence=2)
    if by == "person":
        reason = refused(rig, "rollback", code=Code.IMAGE_QUARANTINED)
    else:
        rig.request("rollback", digest=NEW)
        assert rig.answers()[-1].data.code is Code.IMAGE_QUARANTINED
        reason = rig.answers()[-1].data.reason or ""
    assert f"tidegate-agent approve --quarantined {NEW}" in reason
    assert f"rollback {NEW}" not in rig.image.calls
    assert rig.ask("pardon", digest=NEW)["ok"]
    assert rig.ask("rollback")["ok"]
    assert f"rollback {NEW}" in rig.image.calls


def test_a_hold_that_was_held_back_does_not_undo_what_a_person_said_since() -> None:
    rig = Rig(requests=RequestPolicy())
    said = rig.clock.now()
    rig.request("hold", issued_at=said)
    rig.advance(timedelta(minutes=30))
    assert rig.ask("resume")["ok"]
    rig.request("hold", issued_at=said + timedelta(minutes=1))
    assert rig.answers()[-1].data.code is Code.REQUEST_OVERTAKEN
    assert rig.status().follows[0].hold is None
    rig.request("hold")
    assert rig.status().follows[0].hold == "held by https://ci.example/os/release"


def test_a_person_on_the_host_can_hold_it() -> None:
    rig = Rig()
    assert rig.ask("hold", reason="a \x1bshow is on")["ok"]
    rig.announce(NEW)
    status = rig.status().follows[0]
    assert (status.waiting_for, rig.image.calls) == ("hold", [])
    assert status.hold == "held by a person on this host: a \ufffdshow is on"
    refused(rig, "hold")
    assert rig.ask("resume")["ok"]
    assert rig.image.status().current == NEW
    refused(rig, "resume")


def test_a_person_on_the_host_can_lift_an_operators_hold_and_older_orders_stay_overtaken() -> None:
    rig = Rig(requests=RequestPolicy())
    said = rig.clock.now()
    rig.advance(timedelta(minutes=1))
    rig.request("hold")
    rig.announce(NEW)
    assert rig.ask("resume")["ok"]
    assert rig.image.status().current == NEW
    rig.request("hold", issued_at=said)
    assert rig.answers()[-1].data.code is Code.REQUEST_OVERTAKEN
    rig.request("hold")
    assert rig.status().follows[0].hold == "held by https://ci.example/os/release"

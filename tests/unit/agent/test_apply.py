"""A statement that a person brought is heard as if the broker had brought it, and judged like any other."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.rig import FOLLOW, Rig
from tests.support.statements import a_statement
from tests.support.updates import NEW, OLD
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))
LAYOUT = Path("/srv/release.oci")


def apply(rig: Rig, message: bytes, **more: object) -> dict[str, object]:
    bundle = base64.b64encode(message).decode()
    return rig.ask("apply", bundle=bundle, layout=str(LAYOUT), **more)


def signed(rig: Rig, digest: str) -> bytes:
    statement = a_statement(digest, product="os", channel="stable", issued_at=rig.clock.now())
    return rig.verifier.sign(statement.to_json())


def test_it_is_verified_admitted_staged_and_activated() -> None:
    rig = Rig()
    assert apply(rig, signed(rig, NEW)) == {"ok": True, "follow": "os/stable"}
    assert rig.image.disk.status.current == NEW
    assert rig.layouts == {FOLLOW: LAYOUT}
    assert Step.SUCCEEDED in rig.steps()


def test_without_a_broker_too() -> None:
    rig = Rig()
    rig.broker.down()
    rig.settle()
    apply(rig, signed(rig, NEW))
    assert rig.image.disk.status.current == NEW


def test_what_nobody_signed_is_refused_as_from_the_broker() -> None:
    rig = Rig()
    assert apply(rig, b"rubbish")["ok"] is True
    assert rig.image.disk.status.current == OLD
    assert [event.data.code for event in rig.events()] == [Code.SIGNATURE_MISSING]


@pytest.mark.parametrize("bundle", ["%", "Zm9", ["Zm9v"], "ü"])
def test_what_is_no_bundle_at_all(bundle: object) -> None:
    answer = Rig().ask("apply", bundle=bundle, layout=str(LAYOUT))
    assert (answer["ok"], answer["code"]) == (False, Code.REQUEST_INVALID)


def test_it_waits_for_the_window_unless_it_is_approved_by_its_digest() -> None:
    rig = Rig(manners=NIGHT)
    message = signed(rig, NEW)
    apply(rig, message)
    assert rig.image.disk.status.staged == NEW
    apply(rig, message, approve=OLD)
    assert rig.image.disk.status.current == OLD
    apply(rig, message, approve=NEW)
    assert rig.image.disk.status.current == NEW


def test_it_is_heard_again_though_the_broker_told_of_it_before() -> None:
    rig = Rig()
    rig.image.fail("stage", TidegateError(Code.IMAGE_UNREACHABLE, "no network"))
    message = rig.announce(NEW)
    assert rig.image.disk.status.current == OLD
    # Now, and not at the next try.
    apply(rig, message)
    assert rig.image.disk.status.current == NEW


def test_the_follow_is_named_where_there_are_several() -> None:
    rig = Rig(follows=(FOLLOW, Follow("app", "beta")))
    assert apply(rig, signed(rig, NEW))["code"] == Code.REQUEST_INVALID
    assert rig.layouts == {}

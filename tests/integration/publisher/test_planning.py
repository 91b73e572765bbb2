"""A plan against a real broker that retains what hosts said, and the wills of some."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.host_words import A, a_follow, says, will
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from tests.support.publisher import Publisher

RELEASE = "{product: os, channel: stable, version: '2.0', rollout: {waves: [{name: all}]}}"


@pytest.mark.real("mosquitto")
def test_a_plan_tells_who_is_offline_whatever_they_heard_last(on_mosquitto: Publisher) -> None:
    runs = a_follow(state="succeeded", target=A, current=A, sequence=9, version="1.0")
    with PublisherSession(BusSettings(url=on_mosquitto.broker)) as session:
        for name in ("edge-1", "edge-2"):
            session.publish(Topics().status(name), says(runs, host=name).to_json(), retain=True)
        session.publish(Topics().will("edge-2"), will("edge-2").to_json(), retain=True)
    (on_mosquitto.folder / "plan.yaml").write_text(RELEASE)
    ran = on_mosquitto.bus("rollout", "plan", "plan.yaml", "--json")
    (wave,) = json.loads(ran.stdout)["waves"]
    assert (wave["known"], wave["offline"]) == (2, 1)

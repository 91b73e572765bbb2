"""Ctrl-C is the way to leave a view that goes on: it is no error, and says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.host_words import a_follow, says
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement
from tests.support.waiting import wait_until
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from tests.support.brokers import Broker

TIDEGATE = Path(sys.executable).with_name("tidegate")
TOPICS = Topics()


def retain_a_fleet(url: str) -> None:
    """One host, and one release."""
    with PublisherSession(BusSettings(url=url)) as session:
        bundle = KeyPair().bundle(a_statement().to_json())
        session.publish(TOPICS.channel("os", "stable"), bundle, retain=True)
        session.publish(TOPICS.status("edge-1"), says(a_follow(state="succeeded")).to_json(), retain=True)


@pytest.mark.real("mosquitto")
@pytest.mark.parametrize(
    "words",
    [
        ("events",),
        ("fleet", "--watch"),
        ("fleet", "--watch", "--json"),
        ("watch", "os/stable", "--lines"),
        ("watch", "os/stable", "--json"),
    ],
)
def test_ctrl_c_ends_a_live_view_without_a_word(
    mosquitto: Broker, tmp_path: Path, words: tuple[str, ...]
) -> None:
    retain_a_fleet(mosquitto.url)
    said = tmp_path / "said"
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TIDEGATE_BROKER": mosquitto.url}
    with (
        said.open("wb") as file,
        subprocess.Popen([TIDEGATE, *words], env=environment, stdout=file, stderr=file) as view,
    ):
        try:
            wait_until(lambda: said.stat().st_size > 0, "it shows something")
            view.send_signal(signal.SIGINT)
            assert view.wait(60) == 130
        finally:
            view.kill()
    for word in ("error", "nterrupted", "Repeat", "Traceback"):
        assert word not in said.read_text()

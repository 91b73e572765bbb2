"""Resolving tags at a real registry, and following events on a real broker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.images import image as an_image
from tests.support.publisher import POLICY, Publisher, succeeded
from tests.support.registries import RealRegistry
from tests.support.statements import an_event
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step, encode
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.real("mosquitto")
@pytest.mark.real("docker-registry")
def test_a_tag_of_a_real_registry_is_pinned_when_it_is_announced(
    on_mosquitto: Publisher, tmp_path: Path
) -> None:
    first, second = an_image({"a": b"1"}), an_image({"a": b"2"})
    conf = tmp_path / "registries.conf"
    with RealRegistry(tmp_path) as registry:
        conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        environment = {"CONTAINERS_REGISTRIES_CONF": str(conf)}
        registry.push("fleet/os", first, "stable")
        release = on_mosquitto.release(f"{registry.host}/fleet/os:stable")
        announced = succeeded(on_mosquitto.bus("announce", release, **environment)).document
        registry.push("fleet/os", second, "stable")
        verified = succeeded(on_mosquitto.ask("verify", "--bus", "os/stable", *POLICY)).document
        moved = succeeded(on_mosquitto.bus("announce", release, **environment)).document
        refused = on_mosquitto.bus(
            "announce", release, "--image", f"{registry.host}/fleet/os:9", **environment
        )
    assert [announced["digest"], verified["digest"], moved["digest"]] == [
        first.digest,
        first.digest,
        second.digest,
    ]
    assert verified["image"]["references"] == [f"{registry.host}/fleet/os"]
    assert (refused.status, refused.code) == (1, "reference.no-digest")


def follow(publisher: Publisher, log: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start `tidegate events` and wait until it is subscribed."""
    script = Path(sys.executable).with_name("tidegate")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [script, "events", "--broker", publisher.broker, *words], stdout=stream, stderr=stream
        )
    wait_until(lambda: b"following" in log.read_bytes(), "tidegate events follows")
    return process


def tell(publisher: Publisher, protocol: str, *steps: tuple[str, Step]) -> None:
    """Report as hosts do."""
    topics = Topics()
    settings = BusSettings.model_validate({"url": publisher.broker, "protocol": protocol})
    with PublisherSession(settings) as session:
        for host, step in steps:
            event = an_event(step).model_copy(update={"subject": host, "id": f"{host}/{step}"})
            encoded = encode(event, binary=protocol == "5")
            session.publish(
                topics.events(host),
                encoded.payload,
                content_type=encoded.content_type,
                properties=encoded.properties,
            )


@pytest.fixture
def ended(tmp_path: Path, on_mosquitto: Publisher) -> Callable[..., tuple[int, str]]:
    def run(words: tuple[str, ...], *steps: tuple[str, Step]) -> tuple[int, str]:
        log = tmp_path / "events.log"
        process = follow(on_mosquitto, log, *words)
        try:
            for protocol in ("5", "3.1.1"):
                if process.poll() is None:
                    tell(on_mosquitto, protocol, *steps)
            return process.wait(20), log.read_text()
        finally:
            process.kill()
            process.wait()

    return run


@pytest.mark.real("mosquitto")
def test_events_end_when_enough_hosts_succeeded(ended: Callable[..., tuple[int, str]]) -> None:
    words = ("--until", "succeeded", "--hosts", "2", "--product", "os")
    status, shown = ended(
        words, ("edge-1", Step.STAGED), ("edge-1", Step.SUCCEEDED), ("edge-2", Step.SUCCEEDED)
    )
    assert status == 0
    lines = [line.split() for line in shown.splitlines() if "os/stable" in line]
    # Each was sent in both modes; a redelivery is shown once.
    assert [(line[1], line[4]) for line in lines] == [
        ("edge-1", "staged"),
        ("edge-1", "succeeded"),
        ("edge-2", "succeeded"),
    ]


@pytest.mark.real("mosquitto")
def test_events_end_when_a_host_fails_or_time_is_up(ended: Callable[..., tuple[int, str]]) -> None:
    assert ended(("--until", "succeeded"), ("edge-1", Step.FAILED))[0] == 1
    assert ended(("--until", "failed"), ("edge-1", Step.FAILED))[0] == 0
    assert (
        ended(("--until", "succeeded", "--host", "edge-9", "--for", "1s"), ("edge-1", Step.SUCCEEDED))[0] == 3
    )

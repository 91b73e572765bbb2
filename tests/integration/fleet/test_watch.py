"""`tidegate watch`: the real command, a real broker, and hosts that keep to a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker
from tests.support.fleets import describes, said
from tests.support.terminal import Terminal
from tests.support.waiting import wait_until
from tests.support.watched import CHANNEL, WAY
from tidegate_fleet.watch.inbox import Inbox
from tidegate_fleet.watch.listening import Listening
from tidegate_fleet.watch.model import Watched
from tidegate_publisher.watching import claimed
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, encode
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGEST = "sha256:" + "a" * 64
TOPICS = Topics()
SCRIPT = Path(sys.executable).with_name("tidegate")
BOTH = [
    pytest.param(MosquittoBroker, marks=pytest.mark.real("mosquitto")),
    pytest.param(NatsBroker, marks=pytest.mark.real("nats-server")),
]


@dataclass
class Site:
    """A folder with a key pair, and a broker with a release that it signed."""

    folder: Path
    broker: Broker

    @property
    def environment(self) -> dict[str, str]:
        """What the command is told."""
        said = {"TIDEGATE_BROKER": self.broker.url, "TERM": "xterm-256color", "TIDEGATE_KEY": "release.key"}
        # Where the packages come from, when they are not installed.
        kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return {**said, **kept}

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [SCRIPT, *words],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                **self.environment,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def prepare(self) -> None:
        """Make the key, and announce."""
        assert self.run("keygen", "release").returncode == 0
        self.announce()

    def announce(self, version: str = "1.0", digest: str = DIGEST) -> None:
        """Announce a release."""
        release = {"product": "os", "channel": "stable", "version": version}
        content = json.dumps({**release, "image": f"registry.example/os@{digest}"})
        (self.folder / "release.yaml").write_text(content)
        announced = self.run("announce", "release.yaml", "--no-check-image")
        assert announced.returncode == 0, announced.stderr

    def describe(self, *hosts: str) -> None:
        """Hosts tell their status."""
        with PublisherSession(BusSettings(url=self.broker.url)) as session:
            for host in hosts:
                session.publish(TOPICS.status(host), describes(host).to_json(), retain=True)

    def go(self, host: str, *steps: Step, **data: Any) -> None:
        """A host takes steps; keyword arguments are the last one's."""
        with PublisherSession(BusSettings(url=self.broker.url)) as session:
            binary = session.protocol is Version.V5
            for number, step in enumerate(steps):
                more = data if number == len(steps) - 1 else {}
                event = said(host, step, number, **more).event
                sent = encode(event.model_copy(update={"time": datetime.now(UTC)}), binary=binary)
                session.publish(TOPICS.events(host), sent.payload, properties=sent.properties)

    def terminal(self, *words: str) -> Terminal:
        """The view on a terminal."""
        return Terminal(self.folder, ("watch", "os/stable", *words), self.environment)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with MosquittoBroker(tmp_path) as broker:
        made = Site(tmp_path, broker)
        made.prepare()
        made.describe("edge-1", "edge-2")
        yield made


def started(site: Site, *words: str) -> subprocess.Popen[str]:
    """The command in lines, running."""
    return subprocess.Popen(
        [SCRIPT, "watch", "os/stable", *words],
        cwd=site.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(site.folder), **site.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("kind", BOTH)
def test_ci_waits_until_every_host_is_done(tmp_path: Path, kind: type[MosquittoBroker | NatsBroker]) -> None:
    with kind(tmp_path) as broker:
        site = Site(tmp_path, broker)
        site.prepare()
        site.describe("edge-1", "edge-2")
        with started(site, "--json", "--until", "done", "--for", "2m") as watching:
            assert watching.stdout is not None
            statement = json.loads(watching.stdout.readline())
            assert (statement["type"], statement["release"]["trust"]) == ("statement", "verified")
            assert statement["release"]["signers"] == ["release.key (a key pair)"]
            site.go("edge-1", *WAY, Step.SUCCEEDED)
            site.go("edge-2", *WAY, Step.ROLLED_BACK, code=Code.HEALTH_FAILED, reason="sick")
            lines = [json.loads(line) for line in watching.stdout]
            assert watching.wait(60) == 1
    end = lines[-1]
    assert (end["type"], end["outcome"]) == ("end", "failed")
    assert (end["phases"]["succeeded"], end["phases"]["failed"]) == (1, 1)
    told = [line for line in lines if line["type"] == "failure"]
    assert [(line["code"], line["reason"]) for line in told] == [("health.failed", "sick")]


@pytest.mark.real("mosquitto")
def test_what_ends_a_watch_in_lines(site: Site) -> None:
    site.go("edge-1", *WAY, Step.SUCCEEDED)
    early = site.run("watch", "os/stable", "--until", "done", "--for", "1s")
    assert early.returncode == 3
    assert "not done yet" in early.stdout
    assert site.run("watch", "os/stable", "--for", "1s").returncode == 0
    at_its_word = site.run("watch", "os/stable", "--for", "1s", TIDEGATE_KEY="")
    assert "NOT VERIFIED, it claims to be signed by a key pair" in at_its_word.stdout
    other = site.run("watch", "os/stable", "--until", "done", "--sequence", "9", "--for", "4s")
    assert other.returncode == 3
    assert "statement #9 has not come: the channel is at #1; --until done waits for it" in other.stdout
    nothing = site.run("watch", "os/nope", "--until", "done", "--for", "4s")
    assert nothing.returncode == 3
    assert "nothing is announced on os/nope; --until done waits for it" in nothing.stdout
    assert site.run("keygen", "other").returncode == 0
    refused = site.run("watch", "os/stable", "--for", "1s", "--key", "other.key")
    assert "NOT BELIEVED" in refused.stdout
    assert "1.0 is active" not in refused.stdout
    site.broker.stop()
    gone = site.run("watch", "os/stable", "--for", "1s")
    assert gone.returncode == 1
    assert "[bus.unreachable]" in gone.stderr


@pytest.mark.real("mosquitto")
def test_it_comes_back_when_the_broker_does(site: Site) -> None:
    inbox, watched = Inbox(), Watched(CHANNEL)

    def seen() -> Watched:
        for heard in inbox.take(1000):
            watched.take(heard, datetime.now(UTC))
        return watched

    def picture() -> Any:
        return seen().picture(datetime.now(UTC))

    with Listening(BusSettings(url=site.broker.url), CHANNEL, inbox, claimed):
        wait_until(lambda: picture().counted == 2, "both hosts are known", 60)
        site.broker.stop()
        wait_until(lambda: not picture().connected, "the loss is noticed", 60)
        assert picture().notices[0].startswith("NO CONNECTION since")
        assert picture().counted == 2
        site.broker.start()
        wait_until(lambda: picture().connected, "it is back", 90)
        site.announce("2.0", "sha256:" + "b" * 64)
        wait_until(lambda: picture().release.version == "2.0", "the new release is followed", 60)


@pytest.mark.real("mosquitto")
def test_a_person_holds_the_release_from_the_screen(site: Site) -> None:
    with site.terminal() as terminal:
        terminal.wait_for("ACTIVE")
        terminal.type("h")
        terminal.wait_for("Hold this release?")
        terminal.type("y")
        terminal.wait_for("HELD")
        terminal.type("q")
        assert terminal.wait() == 0
        assert terminal.restored
    document = json.loads(site.run("watch", "os/stable", "--json", "--for", "1s").stdout.splitlines()[0])
    assert (document["release"]["state"], document["release"]["sequence"]) == ("held", 2)


@pytest.mark.real("mosquitto")
@pytest.mark.parametrize(
    ("end", "status"), [("\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), ("q", 0)]
)
def test_the_terminal_is_as_before_however_it_ends(
    site: Site, end: str | signal.Signals, status: int
) -> None:
    with site.terminal() as terminal:
        terminal.wait_for("NEWEST EVENTS")
        if isinstance(end, str):
            terminal.type(end)
        else:
            terminal.process.send_signal(end)
        assert terminal.wait() == status
        assert terminal.restored
        assert b"Traceback" not in terminal.shown


@pytest.mark.real("mosquitto")
def test_a_broker_that_never_answers_ends_the_screen_with_words(site: Site) -> None:
    site.broker.stop()
    with site.terminal() as terminal:
        assert terminal.wait() == 1
        assert b"[bus.unreachable]" in terminal.shown

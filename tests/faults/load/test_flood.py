"""Ten thousand hostile messages a second: the daemon stays small and calm, and hears what is genuine.

A real agent on a real Mosquitto, flooded by a process of its own (tests/support/flooding.py). Everything is
a minute of each kind, a sample some seconds of a few.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.bench import procfs
from tests.faults.extent import everything
from tests.support.channel import TOPIC
from tests.support.flooding import Flood
from tests.support.site import HOST, Site, site
from tests.support.waiting import wait_until
from tidegate_agent.reconciliation import IN_A_FLOOD
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence
from tidegate_schemas.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

RATE = 10_000
REQUESTS = {"requests": {"signers": [{"identity": "oncall@example.org", "issuer": DEVELOPMENT_ISSUER}]}}


@dataclass(frozen=True)
class Kind:
    """What a flood is made of: see Flood."""

    altered: bool
    qos: int
    retain: bool = False
    topic: str = TOPIC

    def __str__(self) -> str:
        return " ".join(
            [
                "altered" if self.altered else "rubbish",
                f"qos {self.qos}",
                *(["retained"] if self.retain else []),
                *(["requests"] if self.topic != TOPIC else []),
            ]
        )


@dataclass
class Holding:
    """What the agent's process holds."""

    rss_mib: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Holding:
        return cls(procfs.rss_mib(pid), procfs.descriptors(pid), procfs.threads(pid))


@pytest.fixture
def here(tmp_path: Path, sigstore: LocalSigstore) -> Iterator[Site]:
    """A host that runs a first release, and has refused a first message: what that loads stays."""
    with site(tmp_path, sigstore, tables=REQUESTS) as made:
        announce(made)
        made.channel.shout([b"a first false word"])
        made.watcher.wait_for(Step.REJECTED)
        yield made


VERSIONS = count(1)


def announce(here: Site) -> float:
    """Release the next version, and wait until it runs; how many seconds went by until it was accepted."""
    digest = here.images.release(str(next(VERSIONS)))
    began = time.monotonic()
    here.channel.announce(digest)
    here.watcher.wait_for(Step.ACCEPTED, digest, timeout_s=120)
    took = time.monotonic() - began
    here.watcher.wait_for(Step.SUCCEEDED, digest, timeout_s=120)
    return took


def flood(here: Site, kind: Kind) -> Flood:
    newest = here.channel.sign(here.channel.statement(here.host.switches[-1]))
    return Flood(here.broker.port, kind.topic, newest if kind.altered else None, RATE, kind.qos, kind.retain)


def losses(here: Site) -> list[str]:
    """Why connections were lost, in the agent's words."""
    return [line for line in here.host.log.read_text().splitlines() if "next attempt" in line]


def went_well(here: Site, before: Holding, flood: Flood, cpu_s: float) -> None:
    """What holds after any flood."""
    assert flood.sent / flood.lasted_s > RATE / 20, "this machine is too slow to flood anything"
    assert here.host.alive()
    assert here.watcher.status.presence is Presence.ONLINE, losses(here)
    # The child that reads the last of it stays for two seconds, and its watch with it.
    wait_until(
        lambda: procfs.threads(here.host.pid) <= before.threads, "no thread is left of it", timeout_s=60
    )
    after = Holding.of(here.host.pid)
    assert after.descriptors <= before.descriptors
    assert after.rss_mib - before.rss_mib < 8
    assert cpu_s < flood.lasted_s / 2, "the daemon itself is not kept busy"


LIVE = [Kind(altered=altered, qos=qos) for altered in (True, False) for qos in (1, 0)]


@pytest.mark.parametrize("kind", LIVE if everything() else LIVE[:1], ids=str)
def test_in_a_flood_what_is_genuine_is_decided_within_seconds(
    here: Site, kind: Kind, record_property: Callable[[str, object], None]
) -> None:
    pid, lasts_s = here.host.pid, 60.0 if everything() else 5.0
    before, spent = Holding.of(pid), procfs.activity(pid)
    took: list[float] = []
    with flood(here, kind) as pouring:
        until = time.monotonic() + lasts_s
        while time.monotonic() < until:
            took.append(announce(here))
    used = procfs.activity(pid).since(spent)
    record_property("seconds from announcement to decision", took)
    record_property("messages a second", pouring.sent / pouring.lasted_s)
    record_property("processor time of the daemon, share", used.cpu_s / pouring.lasted_s)
    record_property("RSS before and after, MiB", (before.rss_mib, procfs.rss_mib(pid)))
    assert losses(here) == [], "the flood cost the connection"
    assert max(took) < 10 * (IN_A_FLOOD.total_seconds() + 3)
    went_well(here, before, pouring, used.cpu_s)


STORED = [Kind(altered=altered, qos=qos, retain=True) for altered in (False, True) for qos in (0, 1)]


@pytest.mark.parametrize("kind", STORED if everything() else STORED[:1], ids=str)
def test_who_may_store_messages_hides_what_is_genuine_until_it_is_announced_again(
    here: Site, kind: Kind
) -> None:
    pid, lasts_s = here.host.pid, 60.0 if everything() else 3.0
    before, spent = Holding.of(pid), procfs.activity(pid)
    refused = here.host.follow().refused
    with flood(here, kind) as pouring:
        # With every question comes another stored message, and is judged.
        until = time.monotonic() + lasts_s
        wait_until(
            lambda: time.monotonic() > until and here.host.follow().refused > refused,
            "some of them were judged",
            timeout_s=lasts_s + 60,
        )
    used = procfs.activity(pid).since(spent)
    went_well(here, before, pouring, used.cpu_s)
    announce(here)


ASKED = [
    Kind(altered=altered, qos=qos, topic=Topics().requests(HOST))
    for altered in (False, True)
    for qos in (0, 1)
]


@pytest.mark.parametrize("kind", ASKED if everything() else ASKED[-1:], ids=str)
def test_a_flood_of_requests_keeps_no_statement_from_being_decided(here: Site, kind: Kind) -> None:
    pid, lasts_s = here.host.pid, 60.0 if everything() else 3.0
    before = Holding.of(pid)
    with flood(here, kind) as pouring:
        until = time.monotonic() + lasts_s
        while time.monotonic() < until:
            announce(here)
    # Requests are not stored: this topic is listened to all the time.
    went_well(here, before, pouring, cpu_s=0.0)

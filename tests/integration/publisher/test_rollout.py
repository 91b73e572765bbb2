"""Release CI and a host, both real: waiting for a rollout that may be over before CI listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import POLICY, Publisher, succeeded
from tests.support.site import Site, site
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")


@pytest.fixture
def here(tmp_path: Path, sigstore: LocalSigstore) -> Iterator[Site]:
    with site(tmp_path, sigstore) as made:
        yield made


@pytest.fixture
def ci(tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, here: Site) -> Publisher:
    return Publisher.on(tmp_path, sigstore, sigstore_url, here.broker.url)


def announce(ci: Publisher, here: Site, version: str) -> tuple[str, str]:
    """The sequence and digest that `announce` prints."""
    release = ci.release(f"oci:{here.images.folder}:{version}")
    document = succeeded(ci.bus("announce", release)).document
    return str(document["sequence"]), document["digest"]


def wait(sequence: str, digest: str, until: str = "succeeded") -> tuple[str, ...]:
    """The words of the documented recipe."""
    channel = ("events", "--product", "os", "--channel", "stable")
    return (*channel, "--sequence", sequence, "--digest", digest, "--until", until, "--for", "30s")


def test_a_host_that_was_faster_than_ci_counts_and_an_older_release_does_not(
    here: Site, ci: Publisher
) -> None:
    here.images.release("1")
    sequence, digest = announce(ci, here, "1")
    here.watcher.wait_for(Step.SUCCEEDED, digest)
    here.watcher.wait(lambda: here.watcher.status.follows[0].state == "succeeded", "the status says it")

    # Nothing is told any more: only what the host left on the broker can say it.
    ran = ci.ask(*wait(sequence, digest))
    assert (ran.status, ran.document["host"]) == (0, "edge-1")
    assert (ran.document["follow"]["state"], ran.document["follow"]["sequence"]) == ("succeeded", 1)

    later = (*wait(str(int(sequence) + 1), digest)[:-1], "1s")
    assert ci.ask(*later).status == 3
    without = ("events", "--until", "succeeded", "--for", "1s")
    assert ci.ask(*without).status == 3


def test_ci_waits_for_its_own_release_and_learns_that_it_was_taken_back(here: Site, ci: Publisher) -> None:
    here.images.release("1")
    here.images.sick_release("2")
    _, first = announce(ci, here, "1")
    here.watcher.wait_for(Step.SUCCEEDED, first)
    sequence, digest = announce(ci, here, "2")
    assert ci.ask(*wait(sequence, digest)).status == 1
    here.watcher.wait(lambda: here.watcher.status.follows[0].state == "rolled-back", "the status says it")
    ran = ci.ask(*wait(sequence, digest))
    assert (ran.status, ran.document["follow"]["code"]) == (1, "health.failed")


def test_a_heartbeat_in_between_changes_nothing(here: Site, ci: Publisher) -> None:
    here.images.release("1")
    sequence, digest = announce(ci, here, "1")
    here.watcher.wait_for(Step.SUCCEEDED, digest)
    succeeded(ci.bus("heartbeat", "os/stable", *POLICY, "--expect-sequence", sequence))
    here.watcher.wait(lambda: here.watcher.status.follows[0].sequence == 2, "the heartbeat is accepted")
    # No event tells of a heartbeat to a host that runs the image already.
    for since in (sequence, "2"):
        assert ci.ask(*wait(since, digest)).status == 0

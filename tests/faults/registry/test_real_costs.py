"""A real agent whose downloads are bounded, and which is killed in the middle of them."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.extent import everything
from tests.support.images import TestImage, image, noise
from tests.support.registries import RealRegistry
from tests.support.scissors import Scissors
from tests.support.site import Site, site
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.real("docker-registry")]

KIB = 1024
PARTS = [at * KIB for at in (range(100, 1100, 100) if everything() else (300, 800))]
"""How much has come when the agent is killed."""
RELEASE = image({"usr/lib/big": noise(1200 * KIB)}, {"etc/version": b"1"})
SIZE = sum(blob.size for blob in (RELEASE.config, *RELEASE.layers))
STEP = 260 * KIB
"""What is put on the account ahead, with a budget of 4 MiB; and the manifest."""
IN_FLIGHT = 400 * KIB
"""What a connection takes in ahead of being read, at this rate."""


@contextlib.contextmanager
def bounded(
    folder: Path, sigstore: LocalSigstore, download: Mapping[str, Any], release: TestImage = RELEASE
) -> Iterator[tuple[Site, Scissors]]:
    """A site that pulls a release within these bounds, through a proxy that counts."""
    conf = folder / "registries.conf"
    with RealRegistry(folder) as registry:
        registry.push("fleet/os", release, "v1")
        with Scissors(int(registry.host.rpartition(":")[2])) as between:
            place = f"localhost:{between.port}"
            conf.write_text(f'[[registry]]\nlocation = "{place}"\ninsecure = true\n')
            more = {"registries_conf": str(conf)}
            tables = {"download": {"rate": "400 KiB/s", **download}}
            with site(folder, sigstore, reference=f"{place}/fleet/os", embedded=more, tables=tables) as here:
                here.channel.announce(release.digest)
                yield here, between


def arrived(here: Site) -> int:
    """How much of the image is on the disk."""
    blobs = here.host.store / "incoming" / "blobs"
    with contextlib.suppress(FileNotFoundError):
        return sum(each.stat().st_size for each in blobs.iterdir())
    return 0


def wait_for_part(here: Site, size: int) -> None:
    """Return when so much of the image is on the disk."""
    wait_until(lambda: arrived(here) > size, f"{size} bytes are here", 60)


def account(here: Site) -> int:
    """What the journal says was fetched in all."""
    with contextlib.closing(sqlite3.connect(here.host.directory / "state" / "journal.db")) as journal:
        return int(journal.execute("select coalesce(sum(bytes), 0) from download").fetchone()[0])


def test_an_agent_that_is_killed_in_downloads_fetches_each_byte_once_at_the_rate_it_is_given(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with bounded(tmp_path, sigstore, {"budget": "4 MiB"}) as (here, between):
        for kills, part in enumerate(PARTS, start=1):
            wait_for_part(here, part)
            here.host.kill()
            # What is on the disk is on the account, and not much more: it was put there just before.
            assert arrived(here) <= account(here) <= arrived(here) + kills * STEP
            here.host.start()
        here.watcher.wait_for(Step.SUCCEEDED, RELEASE.digest, 120)
        assert here.version() == "1"
        assert here.host.switches == [RELEASE.digest]
        here.host.stop()
        assert SIZE <= account(here) <= SIZE + kills * STEP
        # On the wire comes, beside that, what a connection brought that was not read any more.
        assert SIZE <= sum(between.carried) <= SIZE + (kills + 1) * IN_FLIGHT
        # No life brings more than the cap allows, and a quarter of a second's worth; how much longer it all
        # takes is not promised.
        times = {event.data.step: event.time for event in here.watcher.events}
        lasted = (times[Step.STAGED] - times[Step.ACCEPTED]).total_seconds()
        assert lasted >= (SIZE - (kills + 1) * 100 * KIB) / (400 * KIB)


def test_a_metered_network_and_a_budget_hold_a_download_back_until_a_person_lets_it_pass(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    metered = tmp_path / "metered"
    metered.write_text("on the train")
    bounds = {"budget": "800 KiB", "metered": "wait", "metered_file": str(metered)}
    with bounded(tmp_path, sigstore, bounds) as (here, _):
        waits = here.watcher.wait_for(Step.WAITING, RELEASE.digest)
        assert waits.data.waiting_for == "metered"
        assert waits.data.reason.endswith("the network is metered: on the train")
        assert (arrived(here), account(here)) == (0, 0)
        metered.unlink()
        # Any word from a person has everything looked at, as the next minute would.
        assert here.host.command("approve").returncode == 0
        here.watcher.wait(lambda: here.watcher.steps().count(Step.WAITING) == 2, "the budget is used up", 120)
        spent = here.watcher.events[-1]
        assert spent.data.waiting_for == "budget"
        assert "800 KiB that this month allows are used up" in spent.data.reason
        here.host.kill()
        here.host.start()
        assert here.host.follow().waiting_for == "budget"
        # The budget, and the piece with which it was used up.
        assert 800 * KIB <= account(here) <= 1000 * KIB
        assert here.host.command("approve", "--now").returncode == 0
        here.watcher.wait_for(Step.SUCCEEDED, RELEASE.digest, 120)
        here.host.stop()
        # It went on where it was.
        assert SIZE <= account(here) <= SIZE + 200 * KIB

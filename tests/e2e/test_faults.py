"""Registries that are gone, and disks that are full: told with a code, made good without help."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import free_port
from tests.support.images import image, noise
from tests.support.layouts import file
from tests.support.registries import RealRegistry
from tests.support.site import site
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.site import Site
    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")

MIB = 1024 * 1024
DISK_MIB = 48


@pytest.mark.real("docker-registry")
def test_a_registry_that_is_gone_is_asked_again_until_it_answers(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    release, conf = image({"etc/version": b"1"}), tmp_path / "registries.conf"

    def put_at(location: str) -> None:
        text = f'[[registry]]\nprefix = "registry.example"\nlocation = "{location}"\ninsecure = true\n'
        conf.write_text(text)

    put_at(f"localhost:{free_port()}")
    more = {"registries_conf": str(conf)}
    with site(tmp_path, sigstore, reference="registry.example/fleet/os", embedded=more) as here:
        here.channel.announce(release.digest)
        waiting = here.watcher.wait_for(Step.WAITING, release.digest, timeout_s=60)
        assert (waiting.data.waiting_for, waiting.data.code) == ("retry", Code.IMAGE_UNREACHABLE)
        assert "Connection refused" in waiting.data.reason
        with RealRegistry(tmp_path) as registry:
            registry.push("fleet/os", release, "v1")
            put_at(registry.host)
            done = here.watcher.wait_for(Step.SUCCEEDED, release.digest, timeout_s=60)
        assert done.data.attempt is not None
        assert done.data.attempt > 1
        assert here.version() == "1"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The place of a host's store, on a disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mount = tmp_path / "host" / "store"
    mount.mkdir(parents=True)
    size = f"size={DISK_MIB}m,mode=755"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", size, "tidegate-test", mount], check=True)
    yield mount
    subprocess.run(["/bin/umount", mount], check=True)


def free(disk: Path) -> tuple[int, int]:
    """Free blocks and free inodes."""
    found = os.statvfs(disk)
    return found.f_bfree, found.f_ffree


def refused_for_space(here: Site, digest: str) -> str:
    """Announce an image that does not fit; the reason that the host gives."""
    here.channel.announce(digest)
    failed = here.watcher.wait_for(Step.FAILED, digest)
    assert failed.data.code is Code.DISK_FULL
    assert (here.version(), here.host.follow().staged) == ("1", None)
    return failed.data.reason


def test_a_disk_without_room_is_told_before_and_made_good_by_the_next_heartbeat(
    small_disk: Path, tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore, tables={"stage": {"attempts": 1}}) as here:
        v1, v2 = here.images.release("1"), here.images.release("2", file("usr/big", noise(12 * MIB)))
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        filler = small_disk / "filler"
        filler.write_bytes(bytes(24 * MIB))
        before = free(small_disk)
        reason = refused_for_space(here, v2)
        assert f"needs about 29 MiB at {small_disk}" in reason
        assert free(small_disk) == before

        filler.unlink()
        here.channel.announce(v2)
        here.watcher.wait_for(Step.SUCCEEDED, v2)
        assert here.version() == "2"
        assert [e.id for e in here.host.history()] == [e.id for e in here.watcher.events]


def test_a_disk_that_fills_up_in_the_middle_of_staging_gets_its_space_back(
    small_disk: Path, tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore, tables={"stage": {"attempts": 1}}) as here:
        zeros = [file(f"usr/zeros-{n}", b"%d" % n + bytes(6 * MIB)) for n in range(10)]
        v1, v2 = here.images.release("1"), here.images.release("2", *zeros)
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        before = free(small_disk)
        assert "No space left" in refused_for_space(here, v2)
        assert free(small_disk) == before

        subprocess.run(["/bin/mount", "-o", f"remount,size={4 * DISK_MIB}m", small_disk], check=True)
        here.channel.announce(v2)
        here.watcher.wait_for(Step.SUCCEEDED, v2)
        assert here.version() == "2"

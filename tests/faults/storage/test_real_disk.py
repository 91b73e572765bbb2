"""The real agent whose state lies on a disk that is read-only, full or fails: the fleet sees why it waits."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults import extent
from tests.support.site import site
from tests.support.small_disk import SmallDisk
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.site import Site

pytestmark = pytest.mark.real("mosquitto")

long = pytest.mark.skipif(
    not extent.everything(),
    reason=f"waits for half a minute: only where {extent.VARIABLE} asks for everything",
)

PATIENCE_S = 150.0
"""Five times the pause after which the agent tries its disk again."""


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Where the host's state lies."""
    (tmp_path / "host").mkdir()
    made = SmallDisk(tmp_path / "host" / "state", mebibytes=4)
    yield made
    made.close()


def fault_of(here: Site) -> Code | None:
    """What the status on the broker says."""
    status = here.watcher.status
    return None if status.fault is None else status.fault.code


def nothing_was_lost(here: Site) -> None:
    journal = [event.id for event in here.host.history()]
    here.watcher.wait(lambda: len(here.watcher.events) == len(journal), "all events have come")
    assert [event.id for event in here.watcher.events] == journal


def test_a_read_only_disk_is_told_and_waited_for(
    disk: SmallDisk, tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore) as here:
        v1, v2 = here.images.release("1"), here.images.release("2")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        here.host.stop()
        before = here.watcher.status
        with disk.read_only():
            here.host.start()
            here.watcher.wait(lambda: fault_of(here) is Code.DISK_READ_ONLY, "the status says so", PATIENCE_S)
            status = here.watcher.status
            assert status.presence is Presence.ONLINE
            assert (status.start, status.connection) > (before.start, before.connection)
            here.channel.announce(v2)
            done = here.host.command("status")
            assert "[disk.read-only]" in done.stdout
            refused = here.host.command("approve")
            assert refused.returncode != 0
            assert "[disk.read-only]" in refused.stderr
            assert here.version() == "1"
        here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=PATIENCE_S)
        here.watcher.wait(lambda: fault_of(here) is None, "the fault is over")
        assert here.host.alive()
        assert here.host.switches == [v1, v2]
        nothing_was_lost(here)


@long
def test_a_full_disk_is_told_and_loses_nothing(
    disk: SmallDisk, tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore) as here:
        v1, v2 = here.images.release("1"), here.images.release("2")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        with disk.full():
            here.channel.announce(v2)
            here.watcher.wait(lambda: fault_of(here) is Code.DISK_FULL, "the status says so", PATIENCE_S)
            assert here.version() == "1"
        here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=PATIENCE_S)
        here.watcher.wait(lambda: fault_of(here) is None, "the fault is over", PATIENCE_S)
        assert here.host.switches == [v1, v2]
        nothing_was_lost(here)


@contextlib.contextmanager
def failing(pid: int, error: str) -> Iterator[None]:
    """What a process writes fails, as it does on a file system that the kernel has taken out of service."""
    injected = f"inject=pwrite64,fdatasync:error={error}"
    trace = ["strace", "-f", "-q", "-p", str(pid), "-e", "trace=pwrite64,fdatasync", "-e", injected]
    with subprocess.Popen([*trace, "-o", "/dev/null"], stderr=subprocess.PIPE) as strace:
        try:
            wait_until(lambda: traced(pid), "strace is attached")
            yield
        finally:
            strace.terminate()
            strace.communicate(timeout=30)


def traced(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in lines)


@long
@pytest.mark.real("strace")
def test_a_disk_that_fails_in_the_middle_is_told_and_loses_nothing(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore) as here:
        v1, v2 = here.images.release("1"), here.images.release("2")
        here.channel.announce(v1)
        here.watcher.wait_for(Step.SUCCEEDED, v1)
        with failing(here.host.pid, "EROFS"):
            here.channel.announce(v2)
            here.watcher.wait(lambda: fault_of(here) is not None, "the status says so", PATIENCE_S)
            assert fault_of(here) is Code.DISK_IO
            assert here.version() == "1"
        here.watcher.wait_for(Step.SUCCEEDED, v2, timeout_s=PATIENCE_S)
        here.watcher.wait(lambda: fault_of(here) is None, "the fault is over", PATIENCE_S)
        assert here.host.switches == [v1, v2]
        nothing_was_lost(here)

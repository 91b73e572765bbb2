"""Who holds an activation back, on a real host: hooks, snoozes, the fleet's lock; what people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fleet_lock import FleetLockServer
from tests.support.site import HOST, Site, site
from tests.support.waiting import wait_until
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

pytestmark = pytest.mark.real("mosquitto")


@pytest.fixture
def server() -> Iterator[FleetLockServer]:
    with FleetLockServer() as made:
        yield made


@pytest.fixture
def here(tmp_path: Path, sigstore: LocalSigstore, server: FleetLockServer) -> Iterator[Site]:
    """A host that shares one slot with a fleet."""
    activate: dict[str, Any] = {
        "splay": "0s",
        "hold_file": str(tmp_path / "hold"),
        "inhibit_directory": str(tmp_path / "inhibit.d"),
        "fleet_lock": {"url": server.url, "for": "all", "allow_http": True},
    }
    with site(tmp_path, sigstore, tables={"activate": activate}) as made:
        yield made


def awaits(here: Site, reason: str, digest: str) -> None:
    """Return when the image is staged and waits for that."""

    def waits() -> bool:
        now = here.watcher.status.follows
        return bool(now) and (now[0].waiting_for, now[0].staged) == (reason, digest)

    here.watcher.wait(waits, f"it waits for {reason}")


def test_a_host_waits_for_the_fleet_and_gives_its_slot_back(here: Site, server: FleetLockServer) -> None:
    v1 = here.images.release("1")
    server.holders.add(("default", "another host"))
    here.channel.announce(v1)
    awaits(here, "lock", v1)

    shown = here.host.command("status").stdout
    words = "lies ready and waits for the fleet's lock"
    assert words in shown
    assert f"the fleet lock at {server.url} is not granted: semaphore currently full" in shown
    motd = here.host.directory / "motd"
    assert words in motd.read_text(encoding="utf-8")

    server.holders.clear()
    # It would ask again within a minute by itself.
    here.host.command("approve")
    here.watcher.wait_for(Step.SUCCEEDED, v1)
    assert here.version() == "1"
    wait_until(lambda: server.holders == set(), "the slot is given back")
    assert server.requests[0] == ("/base/v1/steady-state", "default", HOST)
    assert server.requests[-2:] == [
        ("/base/v1/pre-reboot", "default", HOST),
        ("/base/v1/steady-state", "default", HOST),
    ]
    wait_until(lambda: not motd.exists(), "there is nothing left to say")


def test_a_slot_that_died_with_the_agent_is_given_back_at_its_next_start(
    here: Site, server: FleetLockServer
) -> None:
    here.host.kill()
    server.holders.add(("default", HOST))
    here.host.start()
    wait_until(lambda: server.holders == set(), "the slot is given back")


def test_hooks_and_snoozes_hold_an_activation_back(
    here: Site, server: FleetLockServer, tmp_path: Path
) -> None:
    hook = tmp_path / "inhibit.d" / "till"
    hook.parent.mkdir(mode=0o755)
    hook.write_text("#!/bin/sh\necho 'the till is open'\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    v1 = here.images.release("1")
    here.channel.announce(v1)
    awaits(here, "inhibitor", v1)
    assert "till objects: the till is open" in here.host.command("status").stdout

    put_off = here.host.command("snooze", "--for", "2h")
    assert put_off.stdout.startswith(f"os/stable: {v1} is put off until ")
    awaits(here, "snooze", v1)
    hook.unlink()
    here.host.kill()
    here.host.start()
    awaits(here, "snooze", v1)
    assert not any(path == "/base/v1/pre-reboot" for path, _, _ in server.requests)
    assert here.host.command("approve", "--for", "1h").returncode == 0
    here.watcher.wait_for(Step.SUCCEEDED, v1)

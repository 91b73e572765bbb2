"""A real Debian in a virtual machine is installed once, and from then on only tidegate-agent changes it.

One story in the order of the tests, on one machine: each begins where the one before ended.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.status import Presence

if TYPE_CHECKING:
    from tests.vm.world import World

pytestmark = [
    *(
        pytest.mark.real(program)
        for program in (
            *("qemu-system-x86_64", "mmdebstrap", "ostree", "mke2fs", "grub-mkimage", "grub-editenv"),
            *("docker-registry", "mosquitto", "skopeo"),
        )
    ),
    pytest.mark.timeout(3600),  # a boot takes a minute in emulation, and an image to be laid out another
    pytest.mark.skipif(os.geteuid() != 0, reason="owners of files in images need root"),
]

UPDATE_S = 1500.0
"""How long an update may take, boots and all, in seconds."""
BOOT_S = 480.0
KEPT = "cat /etc/machine-id /etc/ssh/ssh_host_*_key.pub /etc/motd.site /var/lib/site/diary"
"""What is the host's own: it has to outlive every image."""


def running(here: World) -> str:
    """The version that the machine itself says it runs."""
    return here.machine.shell().run("cat /usr/share/site/version")


def test_version_1_boots_and_the_host_tells_that_it_is_there(here: World) -> None:
    here.machine.wait_for_login()
    here.watcher.wait(lambda: bool(here.watcher.statuses), "the host says that it is there", BOOT_S)

    status = here.watcher.status
    assert status.presence is Presence.ONLINE
    assert (status.follows[0].engine, status.follows[0].current) == ("ostree", here.digests["1"])
    assert running(here) == "1"
    shell = here.machine.shell()
    shell.run(
        "echo welcome > /etc/motd.site; mkdir /var/lib/site; echo first boot > /var/lib/site/diary; sync"
    )
    with pytest.raises(AssertionError, match="Read-only file system"):
        shell.run("touch /usr/share/site/edited")


def test_version_2_is_fetched_staged_activated_booted_and_proven(here: World) -> None:
    shell = here.machine.shell()
    kept, boot_id = shell.run(KEPT), shell.run("cat /proc/sys/kernel/random/boot_id")
    before = here.machine.boots()

    v2 = here.announce("2")
    here.watcher.wait_for(Step.SUCCEEDED, v2, UPDATE_S)

    (booted,) = here.machine.boots()[len(before) :]
    assert booted != before[-1], "the boot loader chose another deployment"
    assert f"ostree={booted}" in shell.run("cat /proc/cmdline")
    assert shell.run("cat /proc/sys/kernel/random/boot_id") != boot_id
    assert running(here) == "2"
    assert shell.run(KEPT) == kept
    assert here.watcher.status.follows[0].current == v2
    assert "boot_counter" not in shell.run("cat /boot/grub/grubenv"), "an image that is proven is not counted"


def test_version_3_is_sick_and_the_host_goes_back_by_itself(here: World) -> None:
    boots = len(here.machine.boots())
    v3 = here.announce("3-sick")
    told = here.watcher.wait_for(Step.ROLLED_BACK, v3, UPDATE_S)

    assert told.data.code is Code.HEALTH_FAILED
    assert running(here) == "2"
    assert len(here.machine.boots()) == boots + 2
    here.watcher.wait(
        lambda: here.watcher.status.follows[0].quarantined == (v3,), "the status tells of the quarantine"
    )
    steps = here.watcher.steps(v3)
    here.announce("3-sick", called="3.1")
    here.watcher.wait(
        lambda: here.watcher.status.follows[0].target_version == "3.1",
        "the host has heard of it again",
        BOOT_S,
    )
    assert here.watcher.status.follows[0].state == "rolled-back"
    assert here.watcher.steps(v3) == steps, "an image in quarantine is not tried again, and that is no news"
    assert len(here.machine.boots()) == boots + 2


def test_version_4_has_no_agent_and_the_boot_guard_goes_back(here: World) -> None:
    here.configure("60-hurry", {"health": {"timeout": "60s"}, "activate": {"boot_deadline": "75s"}})
    boots = len(here.machine.boots())
    v4 = here.announce("4-no-agent")
    here.machine.wait_for(r"tidegate boot guard: .* going back", UPDATE_S)
    told = here.watcher.wait_for(Step.ROLLED_BACK, v4, UPDATE_S)

    assert told.data.code is Code.BOOT_DEADLINE
    assert running(here) == "2"
    assert len(here.machine.boots()) == boots + 2
    assert v4 in here.watcher.status.follows[0].quarantined


def test_version_5_never_gets_to_its_init_and_the_boot_loader_goes_back(here: World) -> None:
    before = here.machine.boots()
    v5 = here.announce("5-no-init")
    here.machine.wait_for("GRUB: entry 1", UPDATE_S)
    told = here.watcher.wait_for(Step.ROLLED_BACK, v5, UPDATE_S)

    assert told.data.code is Code.BOOT_FALLBACK
    first, second, third = here.machine.boots()[len(before) :]
    assert first == second != third
    assert running(here) == "2"
    assert v5 in here.watcher.status.follows[0].quarantined
    assert "boot_counter" not in here.machine.shell().run("cat /boot/grub/grubenv")


def test_power_is_cut_at_every_stage_and_the_host_never_stays_down(here: World) -> None:
    here.configure("60-hurry", {})
    machine = here.machine

    v6 = here.announce("6")
    here.watcher.wait_for(Step.STAGING, v6, UPDATE_S)
    machine.power_cycle()
    machine.wait_for_login()
    assert running(here) == "2", "what was being staged is not booted"

    machine.wait_for(r"Stopping ostree-finalize-staged\.service", UPDATE_S)
    machine.power_cycle()
    machine.wait_for_login()
    assert running(here) in {"2", "6"}, "either image, and nothing between them"

    if running(here) == "2":
        # The new entry is written, and nothing is unmounted: the boot loader sees what was flushed.
        machine.wait_for(r"Stopped ostree-finalize-staged\.service", UPDATE_S)
        machine.power_cycle()
        machine.wait_for("Switch Root", BOOT_S)
        machine.power_cycle()
        machine.wait_for_login()
    here.watcher.wait_for(Step.SUCCEEDED, v6, UPDATE_S)
    assert running(here) == "6"
    assert here.watcher.status.follows[0].current == v6

"""A host of image mode that exists in a folder, and the adapters that make an agent believe in it.

The tool is the stand-in for rpm-ostree (`tests.support.standins`); the kernel's boot id, the reboot and the
guard's place are files of the folder. A reboot comes when the test says so.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.rpm_ostree_site import REPOSITORY, RpmOstreeSite
from tidegate_agent.adapters.boot_guard import FileBootGuard
from tidegate_agent.adapters.host_linux import HostCommands, LinuxHost
from tidegate_agent.adapters.this_boot import ThisBoot

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.config import Settings
    from tidegate_agent.wiring import Outside

ASKED = "reboot-asked"
SICK = "sick"
LAYERS = 3
"""Of one image."""


class SimulatedHost:
    """The host from outside. `new` makes it; without it, the folder of one is used.

    Attributes:
        folder: the host.
        boots: how often it was booted by `boot`.
    """

    def __init__(self, folder: Path, *, new: bool = True) -> None:
        if new:
            for name in ("root/usr", "root/etc"):
                (folder / name).mkdir(parents=True)
        self.folder = folder
        self.boots = 0
        self._site = RpmOstreeSite(folder, new=new)
        self._sick: set[str | None] = set()
        if new:
            self._new_boot_id()

    def publish(self, version: str, *, sick: bool = False) -> str:
        """Put an image into the registry; its digest. A sick one fails its health check."""
        digest = self._site.publish(version).digest
        if sick:
            self._sick.add(digest)
        return digest

    def asked(self) -> bool:
        """Whether somebody asked for a reboot since the last boot."""
        return (self.folder / ASKED).exists()

    def boot(self, *, power_cut: bool = False) -> None:
        """The host goes down, in order or not, and comes up."""
        self.boots += 1
        self._site.close()
        self._site.host.boot(power_cut=power_cut)
        self._new_boot_id()
        (self.folder / ASKED).unlink(missing_ok=True)
        sick = self.current() in self._sick
        (self.folder / SICK).touch() if sick else (self.folder / SICK).unlink(missing_ok=True)

    def current(self) -> str | None:
        """The image that runs."""
        return self._site.engine().status().current

    def faults(self) -> list[str]:
        """What an agent that is done may not leave."""
        state = self._site.host.look()
        kept = {layer for one in state["deployments"] for layer in one["layers"]}
        unused = [layer for layer in state["layers"] if layer not in kept]
        # What the last boot let go is pruned with the next transaction.
        found = [f"no deployment has {unused}"] if len(unused) > LAYERS else []
        if state["staged"] is not None:
            found.append(f"staged: {state['staged']}")
        if (self.folder / "guard" / "armed").exists():
            found.append("the boot guard is armed")
        return found

    def close(self) -> None:
        """End a daemon that still works."""
        self._site.close()

    def _new_boot_id(self) -> None:
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")


def document(folder: Path) -> dict[str, object]:
    """What such a host says in its configuration, in place of the usual `health` and `activate`."""
    check = {"name": "well", "command": ["/usr/bin/test", "!", "-e", str(folder / SICK)]}
    return {
        "health": {"attempts": 2, "interval": "0s", "check": [check]},
        "activate": {"splay": "0s", "hold_file": str(folder / "hold"), "boot_counting": "none"},
    }


def reference(version: str) -> str:
    """Where an image is pulled from."""
    return f"{REPOSITORY}:{version}"


def moved_to(folder: Path, outside: Outside, settings: Settings) -> Outside:
    """The adapters of an agent that lives on the host in this folder."""
    boot_id = folder / "boot_id"
    reboot = HostCommands(reboot=("/usr/bin/touch", str(folder / ASKED)))
    guard = FileBootGuard(
        folder / "guard", settings.boot_deadline, ThisBoot(boot_id, folder / "root", ("/bin/true",))
    )
    engine = RpmOstreeSite(folder, new=False).engine()
    return replace(
        outside,
        host=LinuxHost(settings.activate.hold_file, reboot, folder / "no-systemd", boot_id),
        images=(replace(outside.images[0], engine=engine, guard=guard),),
    )

"""A host that runs from ostree deployments, as far as libostree can tell; see live-ostree.sh.

host = OstreeMachine(tmp_path / "host")
host.engine(open_source)
host.boot()
host.close()
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import Item, directory, file, symlink
from tests.support.small_disk import SmallDisk
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.ostree.deployments import parse_status
from tidegate_agent.engines.ostree.engine import OstreeEngine
from tidegate_agent.engines.ostree.host import OstreeHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.registry.source import ImageSource

OS_NAME = "tide"
FALLBACK = Path(__file__).parents[2] / "systemd/usr/lib/tidegate/ostree-fallback"
_LIVE = Path(__file__).with_name("live-ostree.sh")
# Another libostree than this machine's: the /usr of some root file system.
_USR = os.environ.get("TIDEGATE_TEST_OSTREE_USR", "/usr")
_MEBIBYTES = 64

KERNEL: list[Item] = [
    directory("usr"),
    *(symlink(name, f"usr/{name}") for name in ("bin", "lib", "lib64", "sbin")),
    file("usr/lib/os-release", b'PRETTY_NAME="Tide"\n'),
    file("usr/lib/modules/6.1/vmlinuz", b"kernel" * 1000),
    file("usr/lib/modules/6.1/initramfs.img", b"initramfs" * 1000),
    directory("etc"),
]
"""What makes an image bootable."""


class OstreeMachine:
    """A sysroot on a small disk, with a first deployment that no image made.

    Attributes:
        sysroot: as the machine that runs the tests sees it.
        disk: where it lies.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            pytest.skip("deployments need root")
        self._folder = folder
        for name in ("", "root", "run", "programs"):
            (folder / name).mkdir()
        self.disk = SmallDisk(folder / "sysroot", _MEBIBYTES)
        self.sysroot = self.disk.folder
        (folder / "usr").symlink_to(_USR)
        (folder / "run" / "ostree-booted").touch()
        shutil.copy(FALLBACK, folder / "programs")
        self.systemctl.write_text("#!/bin/sh\n")
        self.systemctl.chmod(0o755)
        self.admin("init-fs", str(self.sysroot))
        self.admin("os-init", f"--sysroot={self.sysroot}", OS_NAME)
        self.ostree("config", "set", "sysroot.bootloader", "none")
        self._deploy_first()

    @property
    def host(self) -> OstreeHost:
        """What an engine is told."""
        command = self.inside("ostree")
        systemctl = (str(self.systemctl),)
        return OstreeHost(OS_NAME, self.sysroot, command, 60, 120, systemctl=systemctl, live=True)

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command that runs another one on the host."""
        return ("/bin/sh", str(_LIVE), str(self._folder), *command)

    def engine(self, open_source: Callable[[str], ImageSource], limits: Limits | None = None) -> OstreeEngine:
        """The engine of this host."""
        fallback = self.inside("ostree-fallback")
        return OstreeEngine(open_source, self.host, limits or Limits(free_reserve=0), fallback)

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        """Shut down, unless the power is cut, and run what the boot loader finds first, or second."""
        if not power_cut:
            run(*self.inside("ostree", "admin", "finalize-staged"))
        shutil.rmtree(self._folder / "run" / "ostree", ignore_errors=True)
        menu = parse_status(self.admin("status", f"--sysroot={self.sysroot}"))
        chosen = menu[1 if falls_back and len(menu) > 1 else 0]
        booted = self._folder / "booted"
        booted.unlink(missing_ok=True)
        deploy = self.sysroot / "ostree" / "deploy" / OS_NAME / "deploy"
        booted.symlink_to(deploy / f"{chosen.commit}.{chosen.serial}")

    @property
    def systemctl(self) -> Path:
        """A program that does nothing, and tells of no unit."""
        return self._folder / "programs" / "systemctl"

    @property
    def running(self) -> Path:
        """The root of the running deployment."""
        return (self._folder / "booted").resolve()

    def ostree(self, verb: str, *words: str) -> str:
        """Run `ostree` on the repository. What it printed."""
        return run("ostree", verb, f"--repo={self.sysroot}/ostree/repo", *words)

    def admin(self, *words: str) -> str:
        """Run `ostree admin` from outside of the host. What it printed."""
        return run("ostree", "admin", *words)

    def remove(self, name: str) -> None:
        """Remove a checkout that a test made beside the repository."""
        shutil.rmtree(self.sysroot / name, ignore_errors=True)

    def close(self) -> None:
        """Remove it."""
        self.disk.close()

    def _deploy_first(self) -> None:
        tree = self._folder / "first"
        for name in ("boot", "dev", "proc", "run", "sysroot", "usr/etc", "usr/lib/modules/6.0", "var"):
            (tree / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            (tree / name).symlink_to(f"usr/{name}")
        (tree / "ostree").symlink_to("sysroot/ostree")
        (tree / "usr/lib/os-release").write_text('PRETTY_NAME="By hand"\n')
        for name in ("vmlinuz", "initramfs.img"):
            (tree / "usr/lib/modules/6.0" / name).write_text(name)
        self.ostree("commit", "--bootable", "--branch=first", f"--tree=dir={tree}")
        self.admin(
            "deploy", f"--sysroot={self.sysroot}", f"--os={OS_NAME}", "--karg=root=LABEL=tide", "first"
        )
        self.ostree("refs", "--delete", "first")
        shutil.rmtree(tree)
        self.boot(power_cut=True)


def run(*command: str) -> str:
    """Run a program that has to succeed. What it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout

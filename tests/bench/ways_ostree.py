"""Into an ostree sysroot: by tidegate's ostree engine, by hand, and by ostree out of an archive of its own.

No host runs from the sysroot, so that a deployment is written at once.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import cost
from tests.bench.supply import program
from tests.bench.ways import Way, run_module

if TYPE_CHECKING:
    from tests.bench.cost import Cost
    from tests.bench.supply import Supply

OS_NAME = "bench"
# libostree makes the folders of deployments immutable otherwise, and the bench could not remove them.
_MUTABLE = ("/usr/bin/env", "OSTREE_SYSROOT_DEBUG=mutable-deployments")
_BY_HAND = Path(__file__).with_name("ostree-by-hand.sh")


class Sysroot:
    """A new one, whose deployments can be removed like any other folder."""

    def __init__(self, path: Path) -> None:
        self.path, self.repository = path, path / "ostree" / "repo"
        self.command = (*_MUTABLE, program("ostree"))
        path.mkdir()
        self.run("admin", "init-fs", str(path))
        self.run("admin", "os-init", f"--sysroot={path}", OS_NAME)
        self.run("config", "set", f"--repo={self.repository}", "sysroot.bootloader", "none")

    def run(self, *words: str) -> str:
        """Run `ostree`. What it printed."""
        done = subprocess.run([*self.command, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def engine(self, supply: Supply, index: int) -> Cost:
        """Have tidegate stage and activate an image here."""
        words = (supply.reference, supply.digests[index], str(supply.conf), OS_NAME, *self.command)
        return run_module("tests.bench.stager_ostree", str(self.path), *words)


class OstreeWay(Way):
    """Tidegate's ostree engine."""

    name = "tidegate, ostree engine"

    def __init__(self, supply: Supply, folder: Path) -> None:
        super().__init__(supply, folder)
        self._sysroot = Sysroot(folder / "sysroot")

    def stage(self, index: int) -> Cost:
        return self._sysroot.engine(self._supply, index)


class OstreeByHand(Way):
    """What a person does who has the same image and the same tools, but no tidegate."""

    name = "skopeo + umoci + ostree commit, deploy"

    def __init__(self, supply: Supply, folder: Path) -> None:
        super().__init__(supply, folder)
        self._sysroot = Sysroot(folder / "sysroot")

    def stage(self, index: int) -> Cost:
        image = f"{self._supply.reference}:{self._supply.tags[index]}"
        words = [image, str(self._sysroot.path), str(self._folder / "scratch"), OS_NAME]
        return cost.run([*_MUTABLE, program("sh"), str(_BY_HAND), *words], together=True)


class OstreePull(Way):
    """`ostree pull` and `ostree admin deploy` of commits that somebody made of the images, and keeps."""

    name = "ostree pull, deploy"

    def __init__(self, supply: Supply, folder: Path) -> None:
        super().__init__(supply, folder)
        self._sysroot = Sysroot(folder / "sysroot")
        repository = f"--repo={self._sysroot.repository}"
        self._sysroot.run("remote", "add", repository, "--no-gpg-verify", "archive", supply.archive)

    def stage(self, index: int) -> Cost:
        tag, command = self._supply.tags[index], self._sysroot.command
        pull = [*command, "pull", f"--repo={self._sysroot.repository}", "archive", tag]
        words = ["admin", "deploy", f"--sysroot={self._sysroot.path}", f"--os={OS_NAME}", f"archive:{tag}"]
        return cost.run(pull, together=True).then(cost.run([*command, *words], together=True))

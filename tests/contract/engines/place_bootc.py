"""The places of the bootc engine: hosts with a stand-in of bootc, of an older and of a newer release."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.standins.bootc_host import NAME, NEW, OLD, BootcHost
from tests.support.waiting import wait_until
from tidegate_agent.model import ImageTarget

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tidegate_agent.ports import ImageEngine

_STAGER = (
    "import sys\n"
    "from pathlib import Path\n"
    "from tests.support.standins.bootc_host import NAME, BootcHost\n"
    "from tidegate_agent.model import ImageTarget\n"
    "target = ImageTarget(sys.argv[2], (NAME,), 'amd64')\n"
    "BootcHost(Path(sys.argv[1])).engine().stage(target, lambda _: None, lambda: False)\n"
)


class BootcPlace:
    """See Place."""

    reboots = True
    resumes = True

    def __init__(self, folder: Path, release: dict[str, bool]) -> None:
        self.host = BootcHost(folder / "host", release)
        self.engine: ImageEngine = self.again()

    def image(self, version: str) -> ImageTarget:
        return self.host.push(version)

    def index(self, version: str) -> ImageTarget:
        return self.host.push(version, index=True)

    def absent(self) -> ImageTarget:
        return ImageTarget("sha256:" + "0" * 64, (NAME,), "amd64")

    def corrupt(self) -> ImageTarget:
        target = self.host.push("corrupt")
        layers = self.host.sysroot.read("registry.json")["images"][target.digest]["deployment"]["layers"]
        return self.host.push("corrupt", corrupt=layers[-1][0])

    def again(self) -> ImageEngine:
        return self.host.engine()

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        self.host.boot(power_cut=power_cut, falls_back=falls_back)

    def full_disk(self) -> AbstractContextManager[None]:
        return self.host.full()

    def kill_while_staging(self, target: ImageTarget) -> None:
        """The agent and bootc both, as systemd does with a unit's whole control group."""
        self.host.fail("switch", "pause")
        paused = self.host.folder / "paused"
        stager = subprocess.Popen(
            [sys.executable, "-c", _STAGER, str(self.host.folder), target.digest],
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
        try:
            wait_until(lambda: paused.exists() and paused.read_text() != "", "a layer is there", 60)
        finally:
            stager.kill()
            stager.wait()
            with suppress(ProcessLookupError, FileNotFoundError):
                os.killpg(int(paused.read_text()), signal.SIGKILL)
        paused.unlink()

    def close(self) -> None:
        """Nothing of it outlives its processes."""


def older(folder: Path) -> BootcPlace:
    """A release that locks what is staged afterwards."""
    return BootcPlace(folder, OLD)


def newer(folder: Path) -> BootcPlace:
    """A release that stages it locked."""
    return BootcPlace(folder, NEW)

"""A simulated host with rpm-ostree (a stand-in), a registry, and the engine on it.

    python -m tests.support.rpm_ostree_site FOLDER DIGEST

stages an image in a process of its own, for tests that kill it.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.standins.host import Host, alive
from tests.support.waiting import wait_until
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.engines.rpm_ostree.engine import RpmOstreeEngine
from tidegate_agent.engines.rpm_ostree.values import Places, Programs, Timeouts
from tidegate_agent.model import ImageTarget

if TYPE_CHECKING:
    from typing import Any

REPOSITORY = "quay.example/fleet/os"
SYSTEMCTL = Path(__file__).parent / "standins" / "systemctl.py"
TIMEOUTS = Timeouts(answer_s=20, stall_s=20, stage_s=60, pause_s=0.01)


class RpmOstreeSite:
    """The host, and what is done to it. `new` makes one; without it, a folder is used that another made."""

    def __init__(self, folder: Path, *, new: bool = True) -> None:
        self.folder = folder
        self.host = Host(folder)
        self.units = folder / "units.json"
        self.reserve = Reserve(0, 0)
        self.boot = folder / "boot"
        if new:
            self.host.install()
            self.boot.mkdir()
        self.rpm_ostree = self.host.launcher("rpm_ostree", "rpm-ostree")
        self.ostree = self.host.launcher("rpm_ostree_admin", "ostree")

    def engine(self, timeouts: Timeouts = TIMEOUTS, *, image_policy: bool = False) -> RpmOstreeEngine:
        """An engine on this host."""
        systemctl = (sys.executable, str(SYSTEMCTL), str(self.units))
        programs = Programs((str(self.rpm_ostree),), (str(self.ostree),), systemctl)
        places = Places(self.host.run, self.boot, self.folder, self.reserve)
        return RpmOstreeEngine(programs, places, timeouts, image_policy=image_policy)

    def publish(self, version: str, *, index: bool = False, corrupt: bool = False) -> ImageTarget:
        """Put an image of three layers, one of them in all images, into the registry."""
        layers: list[dict[str, Any]] = [
            {"digest": digest_of(name), "size": size}
            for name, size in (("shared", 1_000_000), (f"base {version}", 700_000), (f"top {version}", 999))
        ]
        layers[-1]["corrupt"] = corrupt
        manifest = digest_of(f"manifest {version}")
        announced = digest_of(f"index {version}") if index else manifest
        self.host.publish(announced, {"manifest": manifest, "layers": layers})
        return ImageTarget(announced, (f"{REPOSITORY}:{version}",), "amd64")

    def interrupt(self, target: ImageTarget) -> None:
        """Kill agent, client and daemon in the middle of staging, after the first layer that is fetched."""
        self.host.fault("pause", len(self.host.look()["layers"]) + 1)
        agent = self.start_staging(target)
        daemon = self.host.look()["transaction"]["pid"]
        client = int(Path(f"/proc/{daemon}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        for pid in (agent.pid, client, daemon):
            os.kill(pid, signal.SIGKILL)
        agent.wait()
        wait_until(lambda: not alive(daemon), "the daemon is dead")
        self.go_on()

    def start_staging(self, target: ImageTarget) -> subprocess.Popen[bytes]:
        """Begin to stage in another process; returns when the daemon waits at `pause` or `stall`."""
        agent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.rpm_ostree_site", str(self.folder), target.digest],
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        wait_until(self.host.paused.exists, "the daemon is in the middle")
        return agent

    def go_on(self) -> None:
        """Let nothing wait any more."""
        self.host.fault("pause", None)
        self.host.paused.unlink(missing_ok=True)

    def close(self) -> None:
        """End a daemon that still works."""
        pid = (self.host.look().get("transaction") or {"pid": 0})["pid"]
        if pid and alive(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def digest_of(text: str) -> str:
    """A digest that a text stands for."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    RpmOstreeSite(Path(sys.argv[1]), new=False).engine().stage(
        ImageTarget(sys.argv[2], (REPOSITORY,), "amd64"), lambda _: None, lambda: False
    )

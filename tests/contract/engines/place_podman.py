"""The place of the podman engine: the real podman, a real registry, a stand-in for the service manager."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.support.podman_process import run_podman_engine
from tests.support.podman_site import PodmanSite
from tests.support.small_disk import SmallDisk

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tidegate_agent.model import ImageTarget
    from tidegate_agent.ports import ImageEngine


class PodmanPlace:
    """See Place."""

    reboots = False
    resumes = False

    def __init__(self, folder: Path) -> None:
        self._disk = SmallDisk(folder / "disk", mebibytes=32)
        self._site = PodmanSite(folder, self._disk.folder)
        self.engine: ImageEngine = self.again()

    def image(self, version: str) -> ImageTarget:
        return self._site.target(self._site.build(version))

    def index(self, version: str) -> ImageTarget:
        return self._site.target(self._site.build(version, index=True))

    def absent(self) -> ImageTarget:
        return self._site.target("sha256:" + "0" * 64)

    def corrupt(self) -> ImageTarget:
        digest = self._site.build("corrupt")
        self._site.spoil(digest)
        return self._site.target(digest)

    def again(self) -> ImageEngine:
        return self._site.engine()

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        """Nothing here has to do with the host's boot."""

    def full_disk(self) -> AbstractContextManager[None]:
        return self._disk.full()

    def kill_while_staging(self, target: ImageTarget) -> None:
        """When podman has fetched what it did not have, and before the image counts as staged."""
        status, _ = run_podman_engine(self._site, "stage", target.digest, kill_fetched=True)
        assert status == -signal.SIGKILL

    def close(self) -> None:
        self._site.close()
        self._disk.close()

"""The place of the rpm-ostree engine: a simulated host with a stand-in for rpm-ostree."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.rpm_ostree_site import REPOSITORY, RpmOstreeSite, digest_of
from tidegate_agent.model import ImageTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import ImageEngine


class RpmOstreePlace:
    """See Place."""

    reboots = True
    resumes = True

    def __init__(self, folder: Path) -> None:
        self._site = RpmOstreeSite(folder)
        self.engine: ImageEngine = self.again()

    def image(self, version: str) -> ImageTarget:
        return self._site.publish(version)

    def index(self, version: str) -> ImageTarget:
        return self._site.publish(version, index=True)

    def absent(self) -> ImageTarget:
        return ImageTarget(digest_of("absent"), (REPOSITORY,), "amd64")

    def corrupt(self) -> ImageTarget:
        return self._site.publish("corrupt", corrupt=True)

    def again(self) -> ImageEngine:
        return self._site.engine()

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        self._site.host.boot(power_cut=power_cut, falls_back=falls_back)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        self._site.host.fault("full", value=True)
        yield
        self._site.host.fault("full", value=None)

    def kill_while_staging(self, target: ImageTarget) -> None:
        self._site.interrupt(target)

    def close(self) -> None:
        self._site.close()

"""The place of the embedded engine: a store on a small disk, and images in an OCI layout."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.engine_process import run_engine
from tests.support.layouts import ImageBuilder, directory, file
from tests.support.small_disk import SmallDisk
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tidegate_agent.ports import ImageEngine

_NOISE_BYTES = 200_000


class EmbeddedPlace:
    """See Place."""

    reboots = False
    resumes = True

    def __init__(self, folder: Path) -> None:
        self._builder = ImageBuilder(folder / "layout")
        self._disk = SmallDisk(folder / "disk", mebibytes=16)
        self._store = self._disk.folder / "store"
        self.engine: ImageEngine = self.again()

    def image(self, version: str) -> ImageTarget:
        return self._build(version)

    def index(self, version: str) -> ImageTarget:
        return self._build(version, index=True)

    def absent(self) -> ImageTarget:
        return self._target("sha256:" + "0" * 64)

    def corrupt(self) -> ImageTarget:
        target = self._build("corrupt")
        self._builder.corrupt(target.digest)
        return target

    def again(self) -> ImageEngine:
        # Without a reserve, which such a small disk could not hold.
        limits = Limits(free_reserve=0)
        return EmbeddedEngine(self._store, lambda reference: LayoutSource(Path(reference)), limits=limits)

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        """Nothing here has to do with the host's boot."""

    def full_disk(self) -> AbstractContextManager[None]:
        return self._disk.full()

    def kill_while_staging(self, target: ImageTarget) -> None:
        """Before the first file of the tree is linked: all layers have been fetched by then."""
        status, _ = run_engine(
            self._store, self._builder.folder, "stage", target.digest, kill_on="os.link", free_reserve=0
        )
        assert status == -9

    def close(self) -> None:
        self._disk.close()

    def _build(self, version: str, *, index: bool = False) -> ImageTarget:
        self._builder.layer([directory("app"), file("app/shared", _noise("shared"))])
        self._builder.layer([file("app/version", version.encode()), file("app/own", _noise(version))])
        return self._target(self._builder.build(version, index=index))

    def _target(self, digest: str) -> ImageTarget:
        return ImageTarget(digest, (str(self._builder.folder),), "amd64")


def _noise(seed: str) -> bytes:
    """The same incompressible bytes for the same seed."""
    return random.Random(seed).randbytes(_NOISE_BYTES)  # noqa: S311 - bytes to fill a file, no secret

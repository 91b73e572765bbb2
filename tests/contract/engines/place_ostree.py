"""The place of the ostree engine: real libostree beside a deployment that it takes for the booted one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.layouts import ImageBuilder, file
from tests.support.ostree_host import KERNEL, OstreeMachine
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tidegate_agent.ports import ImageEngine

_NOISE_BYTES = 200_000
_REPOSITORY = Path(__file__).parents[3]


class OstreePlace:
    """See Place."""

    reboots = True
    resumes = True

    def __init__(self, folder: Path) -> None:
        self._builder = ImageBuilder(folder / "layout")
        self._machine = OstreeMachine(folder / "host")
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
        return self._machine.engine(lambda reference: LayoutSource(Path(reference)))

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        self._machine.boot(power_cut=power_cut, falls_back=falls_back)

    def full_disk(self) -> AbstractContextManager[None]:
        return self._machine.disk.full()

    def kill_while_staging(self, target: ImageTarget) -> None:
        words = [str(self._machine.sysroot), str(self._builder.folder), target.digest]
        command = [
            sys.executable,
            "-m",
            "tests.support.ostree_stager",
            "halfway",
            *words,
            *self._machine.host.command,
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=_REPOSITORY, start_new_session=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"halfway\n"
            os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        self._machine.close()

    def _build(self, version: str, *, index: bool = False) -> ImageTarget:
        self._builder.layer([*KERNEL, file("usr/share/shared", _noise("shared"))])
        self._builder.layer([file("usr/lib/version", version.encode()), file("usr/own", _noise(version))])
        return self._target(self._builder.build(version, index=index))

    def _target(self, digest: str) -> ImageTarget:
        return ImageTarget(digest, (str(self._builder.folder),), "amd64")


def _noise(seed: str) -> bytes:
    """The same incompressible bytes for the same seed."""
    return random.Random(seed).randbytes(_NOISE_BYTES)  # noqa: S311 - bytes to fill a file, no secret

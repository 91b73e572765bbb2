"""The place of the fake, which has to keep the contract too: everything else is tested with it."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fakes.engine import FakeEngine
from tidegate_agent.model import ImageTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import ImageEngine


class Killed(BaseException):
    """Nothing in the engine runs after it."""


class FakePlace:
    """A host in memory. See Place."""

    resumes = True

    def __init__(self, _: Path, *, reboots: bool = False) -> None:
        self._fake = FakeEngine(reboots=reboots)
        self.engine: ImageEngine = self._fake
        self.reboots = reboots

    def image(self, version: str) -> ImageTarget:
        digest = hashlib.sha256(version.encode()).hexdigest()
        return ImageTarget(f"sha256:{digest}", ("registry.example/app",), "amd64")

    def index(self, version: str) -> ImageTarget:
        return self.image(f"index {version}")

    def absent(self) -> ImageTarget:
        target = self.image("absent")
        self._fake.missing.add(target.digest)
        return target

    def corrupt(self) -> ImageTarget:
        target = self.image("corrupt")
        self._fake.corrupted.add(target.digest)
        return target

    def again(self) -> ImageEngine:
        return self._second()

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        if self.reboots:
            self._fake.reboot(power_cut=power_cut, falls_back=falls_back)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        self._fake.disk.full = True
        yield
        self._fake.disk.full = False

    def kill_while_staging(self, target: ImageTarget) -> None:
        victim = self._second()

        def die() -> None:
            if victim.disk.fetched[target.digest]:
                raise Killed

        victim.halfway = die
        with pytest.raises(Killed):
            victim.stage(target, lambda _: None, lambda: False)

    def close(self) -> None:
        pass

    def _second(self) -> FakeEngine:
        return FakeEngine(reboots=self.reboots, disk=self._fake.disk)


def rebooting(folder: Path) -> FakePlace:
    return FakePlace(folder, reboots=True)

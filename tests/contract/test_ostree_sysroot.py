"""The ostree engine on sysroots that make it hard: read-only, not booted, with a full /boot."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import ImageBuilder, file
from tests.support.ostree_host import KERNEL, OstreeMachine
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_agent.engines.ostree.engine import OstreeEngine

pytestmark = [pytest.mark.real("ostree"), pytest.mark.real("unshare")]


class World:
    """A host and images for it."""

    def __init__(self, folder: Path) -> None:
        self.builder = ImageBuilder(folder / "layout")
        self.machine = OstreeMachine(folder / "host")

    def engine(self) -> OstreeEngine:
        return self.machine.engine(lambda reference: LayoutSource(Path(reference)))

    def image(self, version: str) -> ImageTarget:
        self.builder.layer(KERNEL)
        self.builder.layer([file("usr/lib/version", version.encode())])
        return self.target(self.builder.build(version))

    def target(self, digest: str) -> ImageTarget:
        return ImageTarget(digest, (str(self.builder.folder),), "amd64")

    def stage(self, target: ImageTarget) -> OstreeEngine:
        engine = self.engine()
        engine.stage(target, lambda _: None, lambda: False)
        return engine


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.machine.close()


def in_a_thread(call: Callable[[], None]) -> None:
    """Call it where a mount namespace of its own ends with it; raise what it raised."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is raised in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def test_a_read_only_sysroot_is_made_writable_for_the_engine_alone(world: World) -> None:
    target, sysroot = world.image("1"), world.machine.sysroot
    subprocess.run(["/bin/mount", "-o", "remount,bind,ro", sysroot], check=True)
    try:
        in_a_thread(lambda: world.stage(target).activate(target.digest) and None)
        assert os.statvfs(sysroot).f_flag & os.ST_RDONLY
    finally:
        subprocess.run(["/bin/mount", "-o", "remount,bind,rw", sysroot], check=True)
    world.machine.boot()
    assert world.engine().status().current == target.digest

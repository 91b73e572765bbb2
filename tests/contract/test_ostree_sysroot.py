"""The ostree engine on sysroots that make it hard: read-only, not booted, with a full /boot."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import ImageBuilder, file
from tests.support.ostree_host import KERNEL, OS_NAME, OstreeMachine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.ostree.engine import OstreeEngine
from tidegate_agent.engines.ostree.host import OstreeHost
from tidegate_agent.errors import EngineError
from tidegate_agent.model import ImageStatus, ImageTarget
from tidegate_schemas.codes import Code
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.real("ostree"), pytest.mark.real("unshare")]


DYING = Path(__file__).parents[1] / "support" / "dying-ostree.sh"
LAYER_BYTES = 2000
POINTS = 4


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


def test_two_masters_do_not_share_a_host(world: World) -> None:
    unit = "Id=rpm-ostreed-automatic.timer\\nActiveState=active\\nUnitFileState=enabled\\n"
    world.machine.systemctl.write_text(f"#!/bin/sh\nprintf '{unit}'\n")
    target = world.image("1")
    with pytest.raises(EngineError, match=r"mask --now rpm-ostreed-automatic\.timer") as caught:
        world.stage(target)
    assert (caught.value.code, caught.value.retryable) == (Code.ENGINE_CONFLICT, True)
    assert world.engine().status().staged is None
    world.machine.systemctl.write_text("#!/bin/sh\n")
    assert world.stage(target).status().staged == target.digest


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


def activate(world: World, target: ImageTarget) -> None:
    world.stage(target).activate(target.digest)


def update(world: World, target: ImageTarget) -> None:
    activate(world, target)
    world.machine.boot()


@pytest.mark.parametrize("place", [".", "ostree"], ids=["file system", "bind mount of the same file system"])
def test_a_read_only_sysroot_is_made_writable_for_the_engine_alone(world: World, place: str) -> None:
    target, mounted = world.image("1"), world.machine.sysroot / place
    subprocess.run(["/bin/mount", "--bind", mounted, mounted], check=True)
    subprocess.run(["/bin/mount", "-o", "remount,bind,ro", mounted], check=True)
    try:
        in_a_thread(lambda: activate(world, target))
        assert os.statvfs(mounted).f_flag & os.ST_RDONLY
    finally:
        subprocess.run(["/bin/umount", mounted], check=True)
    world.machine.boot()
    assert world.engine().status().current == target.digest


def test_a_hosts_own_etc_and_kernel_arguments_survive(world: World) -> None:
    first, second = world.image("1"), world.image("2")
    update(world, first)
    (world.machine.running / "etc" / "host").write_text("its own")
    update(world, second)
    assert world.engine().status().current == second.digest
    assert (world.machine.running / "etc" / "host").read_text() == "its own"
    assert (world.machine.running / "usr/lib/version").read_text() == "2"
    entries = (world.machine.sysroot / "boot/loader/entries").glob("*.conf")
    options = [line for entry in entries for line in entry.read_text().splitlines() if "options" in line]
    assert len(options) == 2
    assert all("root=LABEL=tide" in line for line in options)


def test_what_no_deployment_needs_is_removed(world: World) -> None:
    targets = [world.image(version) for version in ("1", "2", "3", "4")]
    for target in targets:
        update(world, target)
    world.stage(targets[2])
    refs = world.machine.ostree("refs").split()
    kept = {f"tidegate/image/{target.digest.removeprefix('sha256:')}" for target in targets[2:]}
    assert {ref for ref in refs if ref.startswith("tidegate/image/")} == kept
    # One that all versions share, and each one's own.
    assert len([ref for ref in refs if ref.startswith("tidegate/layer/")]) == 3
    objects = list((world.machine.sysroot / "ostree/repo/objects").glob("*/*.commit"))
    deployed = len([ref for ref in refs if ref.startswith("ostree/")])
    assert (len(objects), deployed) == (5, 2)
    world.machine.ostree("fsck")


def test_a_pinned_deployment_stays(world: World) -> None:
    for version in ("1", "2"):
        update(world, world.image(version))
    world.machine.admin("pin", f"--sysroot={world.machine.sysroot}", "1")
    for version in ("3", "4"):
        update(world, world.image(version))
    pinned = f"tidegate/image/{world.image('1').digest.removeprefix('sha256:')}"
    assert pinned in world.machine.ostree("refs").split()
    assert world.engine().status().previous == world.image("3").digest


def test_an_image_is_installed_into_a_new_sysroot_and_updated_from_it(world: World) -> None:
    first, second = world.image("1"), world.image("2")
    sysroot = world.machine.sysroot / "new"
    sysroot.mkdir()
    world.machine.admin("init-fs", str(sysroot))
    world.machine.admin("os-init", f"--sysroot={sysroot}", OS_NAME)
    engine = OstreeEngine(
        lambda reference: LayoutSource(Path(reference)), OstreeHost(OS_NAME, sysroot), Limits(free_reserve=0)
    )
    engine.install(first, ("root=LABEL=new", "rw"), lambda _: None, lambda: False)
    assert engine.status() == ImageStatus(first.digest, None, None)
    assert not engine.stage(second, lambda _: None, lambda: False).bytes_fetched > LAYER_BYTES
    engine.activate(second.digest)
    assert engine.status() == ImageStatus(second.digest, None, first.digest)
    entries = list((sysroot / "boot/loader/entries").glob("*.conf"))
    assert len(entries) == 2
    assert all("root=LABEL=new rw" in entry.read_text() for entry in entries)


def test_a_live_host_is_not_installed_anew(world: World) -> None:
    with pytest.raises(EngineError) as caught:
        world.engine().install(world.image("1"), (), lambda _: None, lambda: False)
    assert caught.value.code is Code.ACTIVATE_REFUSED


def test_staging_killed_before_any_command_leaves_the_old_image_and_is_made_good(
    world: World, tmp_path: Path
) -> None:
    update(world, world.image("1"))
    before = world.engine().status()
    commands = stage_and_die(world, world.image("2"), 0, tmp_path / "counter")
    assert commands > POINTS
    world.engine().discard()
    for moment in range(1, commands + 1, max(1, commands // POINTS)):
        stage_and_die(world, world.image("2"), moment, tmp_path / "counter")
        after = world.engine().status()
        assert (after.current, after.previous) == (before.current, before.previous)
        assert after.staged in (None, world.image("2").digest)
        world.stage(world.image("2"))
        assert not (world.machine.sysroot / "ostree/tidegate/work").exists()
        world.engine().discard()
        assert world.engine().status() == before
    update(world, world.image("2"))
    world.machine.ostree("fsck")


def stage_and_die(world: World, target: ImageTarget, moment: int, counter: Path) -> int:
    """Stage in a process that dies before its n-th command. How many commands there were."""
    counter.unlink(missing_ok=True)
    command = ["/bin/sh", str(DYING), str(counter), str(moment), *world.machine.host.command]
    words = ["whole", str(world.machine.sysroot), str(world.builder.folder), target.digest, *command]
    stager = [sys.executable, "-m", "tests.support.ostree_stager", *words]
    done = subprocess.run(stager, cwd=DYING.parents[2], capture_output=True, timeout=120, check=False)
    assert done.returncode == (-9 if moment else 0), done.stderr
    return int(counter.read_text())


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("/nowhere/ostree",), Code.ENGINE_MISSING),
        (("/bin/echo", "no list of deployments"), Code.ENGINE_OUTPUT),
        (("/bin/sh", "-c", "head -c 3000000 /dev/zero"), Code.ENGINE_OUTPUT),
        (("/bin/sh", "-c", "echo broken >&2; exit 1"), Code.ENGINE_OUTPUT),
        (("/bin/sh", "-c", "exec sleep 600"), Code.ENGINE_TIMEOUT),
    ],
)
def test_a_tool_that_is_missing_or_answers_garbage(
    world: World, command: tuple[str, ...], code: Code
) -> None:
    host = replace(world.machine.host, command=command, query_s=2)
    engine = OstreeEngine(lambda reference: LayoutSource(Path(reference)), host)
    for call in (engine.status, lambda: world_stage(engine, world.image("1")), engine.discard):
        with pytest.raises(EngineError) as caught:
            call()
        assert caught.value.code is code


def world_stage(engine: OstreeEngine, target: ImageTarget) -> None:
    engine.stage(target, lambda _: None, lambda: False)

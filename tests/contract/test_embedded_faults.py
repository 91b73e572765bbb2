"""The embedded engine killed at many instructions, on full disks, and twice at once."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.engine_process import run_engine
from tests.support.layouts import ImageBuilder, directory, file, symlink
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageStatus, ImageTarget, StageProgress
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Iterator

POINTS = 9


class Site:
    """A store and a layout with two images."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "store"
        self.builder = ImageBuilder(folder / "layout")
        self.first, self.second = self._build("1"), self._build("2")

    def _build(self, version: str) -> str:
        base = [directory("lib"), *(file(f"lib/{n}", b"%d" % n * 50) for n in range(20))]
        self.builder.layer([*base, symlink("link", "lib/1")])
        self.builder.layer([file("version", version.encode()), file("large", os.urandom(1_500_000))])
        return self.builder.build(version)

    def engine(self) -> EmbeddedEngine:
        return EmbeddedEngine(self.root, lambda reference: LayoutSource(Path(reference)))

    def target(self, digest: str) -> ImageTarget:
        return ImageTarget(digest, (str(self.builder.folder),), "amd64")

    def stage(self, digest: str) -> EmbeddedEngine:
        engine = self.engine()
        engine.stage(self.target(digest), lambda _: None, lambda: False)
        return engine

    def run(self, action: str, digest: str, **more: object) -> tuple[int, dict[str, object]]:
        return run_engine(self.root, self.builder.folder, action, digest, **more)

    def version(self) -> str:
        return (self.root / "current" / "rootfs" / "version").read_text()

    def incoming(self) -> list[Path]:
        """Files that a staging has left behind."""
        return [path for path in (self.root / "incoming").rglob("*") if not path.is_dir()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def points(events: object) -> list[int]:
    """Some of the moments 1 to `events`, the last ones among them."""
    assert isinstance(events, int)
    return sorted({*range(1, events, max(1, events // POINTS)), events - 2, events - 1, events})


def test_staging_killed_anywhere_leaves_the_old_image_and_is_made_good(site: Site) -> None:
    site.stage(site.first).activate(site.first)
    _, whole = site.run("stage", site.second)
    site.engine().discard()
    for moment in points(whole["events"]):
        status, _ = site.run("stage", site.second, kill_at=moment)
        assert status == -9, f"not killed at {moment}"
        after = site.engine().status()
        assert (after.current, after.previous) == (site.first, None)
        assert after.staged in (None, site.second)
        assert site.version() == "1"
        engine = site.stage(site.second)
        assert engine.status().staged == site.second
        assert engine.verify(site.second) == []
        assert engine.verify(site.first) == []
        assert site.incoming() == []
        engine.discard()


def test_activation_killed_anywhere_runs_the_old_or_the_new_image_and_is_made_good(site: Site) -> None:
    site.stage(site.first).activate(site.first)
    site.stage(site.second)
    _, whole = site.run("activate", site.second, hook=["true"])
    for moment in points(whole["events"]):
        site.stage(site.first).activate(site.first)
        site.stage(site.second)
        status, _ = site.run("activate", site.second, hook=["true"], kill_at=moment)
        assert status == -9, f"not killed at {moment}"
        after = site.engine().status()
        assert after in (
            ImageStatus(site.first, site.second, site.second),
            ImageStatus(site.second, None, site.first),
        )
        assert site.version() == ("1" if after.current == site.first else "2")
        site.engine().activate(site.second)
        assert site.engine().status() == ImageStatus(site.second, None, site.first)


def test_rollback_killed_anywhere_is_made_good(site: Site) -> None:
    for digest in (site.first, site.second):
        site.stage(digest).activate(digest)
    _, whole = site.run("rollback", site.first)
    for moment in points(whole["events"]):
        site.stage(site.second).activate(site.second)
        status, _ = site.run("rollback", site.first, kill_at=moment)
        assert status == -9, f"not killed at {moment}"
        assert site.version() in ("1", "2")
        # Half of a generation that was being dropped must never be taken for a whole one.
        site.stage(site.second)
        assert site.engine().verify(site.second) == []
        site.engine().discard()
        site.engine().rollback(site.first)
        assert site.engine().status() == ImageStatus(site.first, None, None)
        assert site.engine().verify(site.first) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to an application")
def test_laying_out_an_altered_image_anew_killed_anywhere_is_made_good(site: Site) -> None:
    owned = site.builder.layer([file("version", b"0"), file("data", b"good", uid=65534)]).build()
    for digest in (owned, site.second):
        site.stage(digest).activate(digest)
    data = site.root / "previous" / "rootfs" / "data"

    def alter() -> None:
        times = data.stat()
        data.write_bytes(b"evil")
        os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))

    alter()
    _, whole = site.run("stage", owned)
    assert data.read_bytes() == b"good"
    for moment in points(whole["events"]):
        site.engine().discard()
        alter()
        status, _ = site.run("stage", owned, kill_at=moment)
        assert status == -9, f"not killed at {moment}"
        after = site.engine().status()
        assert after.current == site.second
        assert after.previous in (None, owned)
        assert site.version() == "2"
        if after.previous is None:
            with pytest.raises(TidegateError) as caught:
                site.engine().rollback(owned)
            assert caught.value.code is Code.ROLLBACK_FAILED
        engine = site.stage(owned)
        assert engine.status() == ImageStatus(site.second, owned, owned)
        assert engine.verify(owned) == []
        assert site.incoming() == []


def test_a_crash_between_switch_and_hook_runs_the_hook_again(site: Site, tmp_path: Path) -> None:
    site.stage(site.first)
    status, _ = site.run("activate", site.first, hook=["sh", "-c", "kill -9 $PPID"])
    assert status == -9
    seen = tmp_path / "seen"
    hook = ["sh", "-c", f'echo "$TIDEGATE_DIGEST" >> {seen}']
    for _ in range(2):
        site.run("activate", site.first, hook=hook)
    assert seen.read_text().split() == [site.first]


def test_blobs_of_a_killed_staging_are_not_fetched_again(site: Site) -> None:
    status, _ = site.run("stage", site.first, kill_on="os.link")
    assert status == -9
    result = site.engine().stage(site.target(site.first), lambda _: None, lambda: False)
    manifest = site.builder.document(site.first)
    assert result.bytes_fetched == manifest["config"]["size"]


def test_a_file_too_large_for_the_disk_is_a_clean_refusal(site: Site) -> None:
    site.stage(site.first).activate(site.first)
    large = site.builder.layer([file("large", bytes(3_000_000))]).build()
    _, outcome = site.run("stage", large, file_limit=1_000_000)
    assert outcome["code"] == Code.DISK_FULL
    assert site.incoming() == []
    assert site.engine().status() == ImageStatus(site.first, None, None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root; the test with the file limit covers the rest")
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=22m", "tidegate-test", mount], check=True)
    yield mount
    subprocess.run(["/bin/umount", mount], check=True)


def test_a_full_disk_gives_back_all_that_was_taken(site: Site, small_disk: Path) -> None:
    """The preflight cannot know that zeros compress a thousandfold."""
    site.root = small_disk / "store"
    site.stage(site.first).activate(site.first)
    bomb = site.builder.layer([file(f"{n}", bytes(2_000_000)[:-1] + b"%d" % n) for n in range(12)]).build()
    before = os.statvfs(small_disk).f_bfree, os.statvfs(small_disk).f_ffree
    with pytest.raises(TidegateError) as caught:
        site.stage(bomb)
    assert caught.value.code is Code.DISK_FULL
    assert "No space left" in caught.value.reason
    after = os.statvfs(small_disk).f_bfree, os.statvfs(small_disk).f_ffree
    assert after == before
    assert site.engine().status() == ImageStatus(site.first, None, None)
    assert site.engine().verify(site.first) == []


def test_too_little_space_is_told_before_anything_is_fetched(site: Site, small_disk: Path) -> None:
    site.root = small_disk / "store"
    site.stage(site.first).activate(site.first)
    large = site.builder.layer([file("noise", os.urandom(12_000_000))]).build()
    seen: list[StageProgress] = []
    with pytest.raises(TidegateError) as caught:
        site.engine().stage(site.target(large), seen.append, lambda: False)
    assert caught.value.code is Code.DISK_FULL
    assert "needs about 28 MiB" in caught.value.reason
    assert seen == []
    assert site.incoming() == []


def test_two_processes_never_stage_at_once(site: Site) -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait(_: StageProgress) -> None:
        inside.set()
        leave.wait(20)

    first = threading.Thread(target=lambda: site.engine().stage(site.target(site.first), wait, lambda: False))
    first.start()
    assert inside.wait(20)
    try:
        _, outcome = site.run("stage", site.second)
    finally:
        leave.set()
        first.join()
    assert outcome["code"] == Code.STAGE_FAILED
    assert site.engine().status() == ImageStatus(None, site.first, None)

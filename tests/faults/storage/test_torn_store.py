"""Power cuts at every moment of an embedded store's life: the old image is there, or the new one; no half.

What is compared is content and names; owners and modes lie in the inodes, which the same syncs make durable.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.faults import extent
from tests.faults.storage.disk import crashes, moments
from tests.faults.storage.places import in_memory
from tests.faults.storage.recorder import MARKS, record
from tests.faults.storage.store_life import engine_of, stage
from tests.support.layouts import ImageBuilder, directory, file, symlink
from tidegate_agent.model import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.storage.disk import Crash, Recording

pytestmark = pytest.mark.real("strace")

MOMENTS: Final = 40
STATES: Final = 2
"""In the sample; see `crashes`."""

LARGE: Final = random.Random(5).randbytes(9000)  # noqa: S311 - no secret


class Life(NamedTuple):
    recording: Recording
    layout: Path
    first: str
    second: str

    def may_run(self, crash: Crash) -> set[str | None]:
        """What may be current after a power cut."""
        returned = crash.returned[-1] if crash.returned else ""
        may: dict[str, set[str | None]] = {
            "": {None, self.first},
            "first": {self.first},
            "back": {self.first},
        }
        return may.get(returned, {self.first, self.second})

    def content(self, digest: str) -> bytes:
        return b"1" if digest == self.first else b"2"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    scratch = tmp_path_factory.mktemp("store")
    builder = ImageBuilder(scratch / "layout")
    digests = []
    for version in (b"1", b"2"):
        builder.layer(
            [directory("lib"), *(file(f"lib/{n}", b"%d" % n) for n in range(3)), symlink("l", "lib/1")]
        )
        digests.append(
            builder.layer([file("version", version), file("large", version + LARGE)]).build(version.decode())
        )
    folder = scratch / "disk"
    folder.mkdir()
    program: list[str | Path] = [sys.executable, "-m", "tests.faults.storage.store_life"]
    recording = record([*program, folder, scratch / MARKS, builder.folder, *digests], folder, scratch)
    return Life(recording, builder.folder, *digests)


@pytest.mark.timeout(1800)
def test_an_image_is_whole_or_not_there_after_a_power_cut_at_any_moment(
    life: Life, record_property: Callable[[str, object], None]
) -> None:
    found: Counter[str] = Counter()
    points = moments(life.recording, MOMENTS)
    with in_memory() as folder:
        for crash in crashes(life.recording, points, STATES, random.Random(extent.SEED)):  # noqa: S311 - chooses tests
            place = folder / "host"
            place.mkdir()
            crash.put(place)
            found[look(life, crash, place)] += 1
            shutil.rmtree(place)
    record_property("states", found.total())
    assert found["none"] > 0
    assert found["1"] > 10
    assert found["2"] > 10


def look(life: Life, crash: Crash, place: Path) -> str:
    """What runs: one of those that may, and whole. Then the update is made good from there."""
    engine = engine_of(place)
    status = engine.status() if (place / "store").exists() else ImageStatus(None, None, None)
    where = f"after {crash.after} operations, {crash.returned}"
    assert status.current in life.may_run(crash), where
    if crash.returned == ("first", "staged"):
        assert life.second in {status.staged, status.current}, where
    if status.current is not None:
        whole(life, place, status.current, where)
    if extent.everything() or crash.after % 4 == 0:
        stage(engine, life.layout, life.second)
        engine.activate(life.second)
        whole(life, place, life.second, where)
    return "none" if status.current is None else life.content(status.current).decode()


def whole(life: Life, place: Path, digest: str, where: str) -> None:
    rootfs, version = place / "store" / "current" / "rootfs", life.content(digest)
    assert (rootfs / "version").read_bytes() == version, where
    assert (rootfs / "large").read_bytes() == version + LARGE, where
    assert [(rootfs / "lib" / str(n)).read_bytes() for n in range(3)] == [b"0", b"1", b"2"], where
    assert (rootfs / "l").readlink().name == "1", where

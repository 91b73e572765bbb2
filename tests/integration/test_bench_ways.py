"""Every way that the bench of the engines measures really brings a small image and its update onto a host."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from tests.bench.engines import EmbeddedEngine
from tests.bench.images import Images, bootable
from tests.bench.ostree_archive import serving
from tests.bench.staged import PHASES, Results
from tests.bench.supply import Supply
from tests.bench.ways import SkopeoUmoci, Way, take_turns
from tests.bench.ways_ostree import OstreeByHand, OstreePull, OstreeWay
from tests.bench.ways_podman import PodmanPull
from tests.support.layouts import ImageBuilder, Item, directory, file, symlink
from tests.support.registries import RealRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
KERNEL_BYTES = 2 * MIB
ROOT: list[Item] = [
    *map(directory, ("usr", "usr/lib", "usr/bin", "etc", "dev", "var")),
    *(symlink(name, f"usr/{name}") for name in ("bin", "lib", "lib64", "sbin")),
    file("usr/lib/os-release", b'PRETTY_NAME="Tide"\n'),
    file("etc/setting", b"1"),
    file("usr/same", random.Random(1).randbytes(MIB)),  # noqa: S311 - bytes that do not compress
]
SPARING: list[type[Way]] = [EmbeddedEngine, OstreeWay, OstreeByHand, OstreePull]
"""What keeps one copy of a file that two images share, although their layers differ."""
PLAIN: list[type[Way]] = [SkopeoUmoci, PodmanPull]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="the bench needs root"),
    *(pytest.mark.real(name) for name in ("docker-registry", "skopeo", "umoci", "ostree", "podman")),
]


@pytest.fixture
def supply(tmp_path: Path) -> Iterator[Supply]:
    builder = ImageBuilder(tmp_path / "layout")
    versions = [[*ROOT, file("usr/version", text * 50_000)] for text in (b"1", b"2")]
    first, second = (builder.layer(items).build() for items in versions)
    images = bootable(Images(builder.folder, (first, second)))
    with RealRegistry(tmp_path) as registry:
        made = Supply(registry, images, tmp_path)
        made.push()
        yield made


@pytest.mark.parametrize("way", [*SPARING, *PLAIN], ids=lambda way: way.__name__)
def test_a_way_brings_both_images_here(way: type[Way], supply: Supply, tmp_path: Path) -> None:
    results: Results = defaultdict(list)
    if way is OstreePull:
        with serving(supply, tmp_path):
            take_turns([way], supply, tmp_path, 0, results)
    else:
        take_turns([way], supply, tmp_path, 0, results)
    (fresh,), (update,) = (results[way.name, phase] for phase in PHASES)
    assert fresh.wire > KERNEL_BYTES + MIB
    assert fresh.disk > KERNEL_BYTES + MIB
    assert fresh.cost.peak_mib > 5
    if way in SPARING:
        assert update.disk < MIB
    if way is not OstreeByHand:
        assert update.wire < fresh.wire - KERNEL_BYTES

"""Images of every kind, and hostile ones, through the ostree engine into a real repository."""

from __future__ import annotations

import os
import random
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.debian import CAPABILITY
from tests.support.layouts import (
    Compression,
    ImageBuilder,
    Item,
    device,
    directory,
    fifo,
    file,
    hardlink,
    make_tar,
    opaque,
    symlink,
    whiteout,
)
from tests.support.ostree_host import KERNEL, OstreeMachine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.model import ImageTarget
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = [pytest.mark.real("ostree"), pytest.mark.real("unshare")]

LIMITS = Limits(free_reserve=0, entries=5000, unpacked_bytes=40_000_000, depth=50)


class World:
    """One host for all tests; what was staged is discarded after each."""

    def __init__(self, folder: Path) -> None:
        self.builder = ImageBuilder(folder / "layout")
        self.machine = OstreeMachine(folder / "host")
        self.engine = self.machine.engine(lambda reference: LayoutSource(Path(reference)), LIMITS)

    def build(
        self,
        *layers: Iterable[Item] | bytes,
        compression: Compression = "gzip",
        diff_id: str | None = None,
    ) -> str:
        for layer in layers:
            self.builder.layer(layer, compression, diff_id)
        return self.builder.build()

    def stage(self, digest: str, arch: str = "amd64") -> None:
        target = ImageTarget(digest, (str(self.builder.folder),), arch)
        self.engine.stage(target, lambda _: None, lambda: False)

    def refusal(self, digest: str, arch: str = "amd64") -> TidegateError:
        before = self.engine.status()
        with pytest.raises(TidegateError) as caught:
            self.stage(digest, arch)
        assert self.engine.status() == before
        return caught.value

    def code(self, *layers: Iterable[Item] | bytes, diff_id: str | None = None) -> Code:
        return self.refusal(self.build(*layers, diff_id=diff_id)).code

    def tree(self, digest: str) -> Path:
        """Stage an image, and lay its commit out."""
        self.stage(digest)
        place = self.machine.sysroot / "out"
        name = digest.removeprefix("sha256:")
        self.machine.ostree("checkout", "--require-hardlinks", f"tidegate/image/{name}", str(place))
        return place

    def labels(self, digest: str, *keys: str) -> list[str]:
        name = f"tidegate/image/{digest.removeprefix('sha256:')}"
        found = [self.machine.ostree("show", f"--print-metadata-key={key}", name) for key in keys]
        return [text.strip().strip("'") for text in found]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("images"))
    yield world
    world.machine.close()


@pytest.fixture
def world(machine: World) -> Iterator[World]:
    yield machine
    machine.engine.discard()
    machine.machine.remove("out")


def test_every_kind_of_file_comes_out_as_it_was_meant(world: World) -> None:
    long = "l" * 255
    lower = [
        *KERNEL,
        file("usr/bin/su", b"setuid", mode=0o4755, uid=7, gid=8),
        file("usr/bin/ping", b"capable", mode=0o755, xattrs={"security.capability": CAPABILITY}),
        file("usr/bin/labelled", b"l", xattrs={"security.selinux": "system_u:object_r:bin_t:s0"}),
        hardlink("usr/bin/ping6", "usr/bin/ping"),
        symlink("usr/bin/sh", "/bin/dash", uid=5),
        file(f"usr/{long}/{long}", b"long"),
        directory("usr/sticky", mode=0o2775, uid=1000, gid=2**31),
        file("usr/empty"),
    ]
    place = world.tree(world.build(lower))
    su, ping = place / "usr/bin/su", place / "usr/bin/ping"
    assert (stat.S_IMODE(su.stat().st_mode), su.stat().st_uid, su.stat().st_gid) == (0o4755, 7, 8)
    assert os.getxattr(ping, "security.capability") == CAPABILITY.encode()
    assert ping.samefile(place / "usr/bin/ping6")
    assert os.getxattr(place / "usr/bin/labelled", "security.selinux") == b"system_u:object_r:bin_t:s0"
    link = place / "usr/bin/sh"
    assert (link.readlink(), link.lstat().st_uid) == (Path("/bin/dash"), 5)
    assert (place / "usr" / long / long).read_bytes() == b"long"
    sticky = (place / "usr/sticky").stat()
    assert (stat.S_IMODE(sticky.st_mode), sticky.st_uid, sticky.st_gid) == (0o2775, 1000, 2**31)
    assert (place / "usr/empty").read_bytes() == b""


def test_layers_are_merged_as_they_lie(world: World) -> None:
    lower = [*KERNEL, *(file(f"usr/share/{name}", b"low") for name in ("a", "b", "doc/1", "man/1", "misc/1"))]
    upper = [
        whiteout("usr/share/a"),
        file("usr/share/b", b"high"),
        opaque("usr/share/doc"),
        file("usr/share/doc/2", b"new"),
        whiteout("usr/share/man"),
        file("usr/share/misc", b"a file where a directory was"),
        file("lib/through", b"the link /lib"),
        hardlink("usr/share/again", "usr/share/b"),
        hardlink("usr/share/kernel", "usr/lib/modules/6.1/vmlinuz"),
        file("etc/new", b"etc"),
        fifo("usr/share/pipe"),
        device("dev/null", 1, 3),
    ]
    place = world.tree(world.build(lower, upper))
    share = place / "usr/share"
    found = sorted(str(path.relative_to(share)) for path in share.rglob("*") if "factory" not in path.parts)
    assert found == ["again", "b", "doc", "doc/2", "kernel", "misc"]
    assert (share / "again").read_bytes() == b"high"
    assert (place / "usr/lib/through").read_bytes() == b"the link /lib"
    assert (place / "usr/etc/new").read_bytes() == b"etc"


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_every_compression(world: World, compression: Compression) -> None:
    noise = random.Random(compression).randbytes(3_000_000)  # noqa: S311 - bytes to fill a file
    place = world.tree(world.build([*KERNEL, file("usr/noise", noise)], compression=compression))
    assert (place / "usr/noise").read_bytes() == noise


def test_a_commit_says_what_it_is(world: World) -> None:
    world.builder.layer(KERNEL)
    labels = {"org.opencontainers.image.version": "7.1", "other": "it's"}
    digest = world.builder.build(index=True, Labels=labels)
    world.stage(digest)
    manifest = world.builder.document(digest)["manifests"][0]["digest"]
    keys = ("tidegate.announced", "tidegate.manifest", "tidegate.arch", "version", "ostree.bootable")
    assert world.labels(digest, *keys) == [digest, manifest, "amd64", "7.1", "true"]
    assert world.engine.status().staged == digest


def test_one_image_under_two_digests_is_two_commits_of_the_same_files(world: World) -> None:
    world.builder.layer([*KERNEL, file("usr/own", b"2")])
    listed = world.builder.build(index=True)
    manifest = world.builder.document(listed)["manifests"][0]["digest"]
    world.stage(listed)
    result = world.engine.stage(
        ImageTarget(manifest, (str(world.builder.folder),), "amd64"), lambda _: None, lambda: False
    )
    assert world.engine.status().staged == manifest
    assert result.files_new == 0


HOSTILE: dict[str, tuple[list[Item], Code]] = {
    "absolute": ([file("/etc/passwd")], Code.IMAGE_HOSTILE),
    "upwards": ([file("usr/../../etc/passwd")], Code.IMAGE_HOSTILE),
    "whiteout of nothing": ([file("usr/.wh.")], Code.IMAGE_HOSTILE),
    "whiteout upwards": ([file("usr/.wh...")], Code.IMAGE_HOSTILE),
    "hard link out": ([hardlink("usr/x", "../../etc/passwd")], Code.IMAGE_HOSTILE),
    "hard link to nothing": ([hardlink("usr/x", "usr/nothing")], Code.IMAGE_MALFORMED),
    "link loop": ([symlink("usr/a", "b"), symlink("usr/b", "a"), file("usr/a/x")], Code.IMAGE_HOSTILE),
    "too deep": ([file("usr/" + "d/" * 60 + "x")], Code.IMAGE_TOO_LARGE),
    "256 bytes": ([file("usr/" + "n" * 256)], Code.IMAGE_TOO_LARGE),
    "too many": ([file(f"usr/{n}") for n in range(5001)], Code.IMAGE_TOO_LARGE),
    "a root that is a file": ([file(".")], Code.IMAGE_HOSTILE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_layers_are_refused(world: World, name: str) -> None:
    items, code = HOSTILE[name]
    assert world.code(KERNEL, items) is code


def test_a_link_out_of_the_image_leads_nowhere(world: World, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("as it was")
    place = world.tree(
        world.build(KERNEL, [symlink("usr/out", str(tmp_path))], [file("usr/out/precious", b"overwritten")])
    )
    assert (tmp_path / "precious").read_text() == "as it was"
    assert (place / "usr/out").readlink() == tmp_path
    assert list((place / "tmp").iterdir()) == []


def test_what_cannot_boot_is_refused(world: World) -> None:
    assert world.code([directory("usr"), directory("etc")]) is Code.IMAGE_NOT_BOOTABLE
    error = world.refusal(world.build([file("app/run")]))
    assert (error.code, "no operating system" in error.reason) == (Code.IMAGE_NOT_BOOTABLE, True)


def test_an_image_for_another_machine(world: World) -> None:
    assert world.refusal(world.build(KERNEL), "arm64").code is Code.IMAGE_PLATFORM


def test_an_unknown_compression(world: World) -> None:
    digest = world.build(KERNEL)
    manifest = world.builder.document(digest)
    manifest["layers"][0]["mediaType"] = "application/vnd.oci.image.layer.v1.tar+xz"
    changed = world.builder.blob("application/vnd.oci.image.manifest.v1+json", manifest)
    assert world.refusal(str(changed["digest"])).code is Code.IMAGE_UNSUPPORTED


def test_a_layer_that_is_no_archive(world: World) -> None:
    assert world.code(KERNEL, b"no tar at all" * 100) is Code.IMAGE_MALFORMED


def test_a_layer_that_is_cut_off(world: World) -> None:
    assert world.code(KERNEL, make_tar([file("usr/x", bytes(100_000))])[:50_000]) is Code.IMAGE_MALFORMED


def test_a_layer_that_is_not_the_one_that_was_signed(world: World) -> None:
    assert world.code(KERNEL, diff_id="sha256:" + "0" * 64) is Code.IMAGE_DIGEST_MISMATCH


def test_a_sparse_file(world: World) -> None:
    info = tarfile.TarInfo("usr/sparse")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "usr/sparse"}
    raw = info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)
    assert world.code(KERNEL, raw) is Code.IMAGE_UNSUPPORTED


def test_a_bomb(world: World) -> None:
    assert world.code(KERNEL, make_tar([file("usr/zeros", bytes(41_000_000))])) is Code.IMAGE_TOO_LARGE

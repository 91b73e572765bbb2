"""Images through the embedded engine: what is laid out, what is shared, what is refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import Item, directory, fifo, file, hardlink, symlink, whiteout
from tests.support.trees import scan
from tidegate_agent.engines.images.limits import Limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.agent.embedded.conftest import Site

ME = {"uid": os.geteuid(), "gid": os.getegid()}


def test_a_tree_is_laid_out_with_all_that_a_file_has(site: Site) -> None:
    site.builder.layer(
        [
            directory("app", mode=0o750, mtime=1_600_000_000.5, **ME),
            file("app/run", b"run", mode=0o4711, mtime=1_500_000_000.25, **ME),
            hardlink("app/again", "app/run"),
            symlink("out", "../../../etc", **ME),
            fifo("pipe", mode=0o620, **ME),
            file("large", b"x" * 3_000_000, **ME),
        ]
    )
    digest = site.builder.build()
    site.stage(digest)
    found = scan(site.rootfs(digest))
    assert found["app"].mode == 0o750
    assert found["app"].mtime_ns == 1_600_000_000_500_000_000
    assert (found["app/run"].mode, found["app/run"].size) == (0o4711, 3)
    assert found["app/run"].mtime_ns == 1_500_000_000_250_000_000
    assert found["out"].target == "../../../etc"
    assert stat.S_ISFIFO(found["pipe"].type)
    assert found["large"].size == 3_000_000
    assert (site.rootfs(digest) / "app/run").samefile(site.rootfs(digest) / "app/again")
    assert site.engine().verify(digest) == []


def test_extended_attributes_are_kept_and_make_another_object(site: Site, tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, "user.probe", b"1")
    except OSError:
        pytest.skip("the file system of the temporary folder has no user attributes")
    marked = file("marked", b"1", xattrs={"user.origin": "tidegate"})
    digest = site.builder.layer([marked, file("plain", b"1")]).build()
    site.stage(digest)
    found = scan(site.rootfs(digest))
    assert found["marked"].xattrs == (("user.origin", b"tidegate"),)
    assert found["plain"].xattrs == ()


def test_generations_share_the_files_that_did_not_change(site: Site) -> None:
    first = site.builder.layer([file("same", b"1" * 5000), file("other", b"a")]).build()
    second = site.builder.layer([file("same", b"1" * 5000), file("other", b"b")]).build()
    site.run(first)
    result = site.stage(second)
    assert (result.files_new, result.files_reused) == (1, 1)
    assert (site.rootfs(first) / "same").samefile(site.rootfs(second) / "same")
    assert (site.rootfs(first) / "other").read_bytes() == b"a"
    assert (site.rootfs(second) / "other").read_bytes() == b"b"


def test_a_known_layer_is_not_fetched_again(site: Site) -> None:
    first = site.builder.layer([file("base", os.urandom(5000))]).build()
    second = site.builder.upon(first).layer([file("top", b"2")]).build()
    site.run(first)
    site.builder.blob_path(site.builder.document(first)["layers"][0]["digest"]).unlink()
    assert site.stage(second).files_new == 1
    assert sorted(path.name for path in site.rootfs(second).iterdir()) == ["base", "top"]


def test_what_an_upper_layer_hid_is_fetched_when_a_later_image_shows_it(site: Site) -> None:
    base = site.builder.layer([file("base", b"hidden"), file("kept", b"k")]).build()
    first = site.builder.upon(base).layer([whiteout("base")]).build()
    site.run(first)
    site.engine().discard()
    site.stage(base)
    assert (site.rootfs(base) / "base").read_bytes() == b"hidden"


def test_a_shared_file_that_was_written_to_is_not_used_again(site: Site) -> None:
    first = site.builder.layer([file("data", b"good")]).build()
    second = site.builder.upon(first).layer([file("top", b"2")]).build()
    site.run(first)
    (site.rootfs(first) / "data").write_bytes(b"evil")
    assert [damage.path for damage in site.engine().verify(first)] == ["/data"]
    site.stage(second)
    assert (site.rootfs(second) / "data").read_bytes() == b"good"
    assert site.engine().verify(second) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's store is out of its applications' reach")
@pytest.mark.parametrize("owner", [{"uid": 65534}, {"mode": 0o666}], ids=["owned", "writable"])
def test_a_file_that_its_application_wrote_to_is_not_used_again_even_with_its_time_set_back(
    site: Site, owner: dict[str, int]
) -> None:
    first = site.builder.layer([file("data", b"good", **owner)]).build()
    second = site.builder.upon(first).layer([file("top", b"2")]).build()
    site.run(first)
    data = site.rootfs(first) / "data"
    before = data.stat()
    data.write_bytes(b"evil")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    site.stage(second)
    assert (site.rootfs(second) / "data").read_bytes() == b"good"
    assert site.engine().verify(second) == []


def test_integrity_finds_every_kind_of_damage(site: Site) -> None:
    names = ("content", "mode", "gone", "type")
    items: list[Item] = [directory("d"), *(file(f"d/{name}", b"1") for name in names), symlink("s", "d")]
    digest = site.builder.layer(items).build()
    site.run(digest)
    root = site.rootfs(digest)
    times = (root / "d/content").stat()
    (root / "d/content").write_bytes(b"2")
    os.utime(root / "d/content", ns=(times.st_atime_ns, times.st_mtime_ns))
    (root / "d/gone").unlink()
    (root / "d/type").unlink()
    (root / "d/type").mkdir()
    (root / "s").unlink()
    (root / "s").symlink_to("/")
    (root / "more").touch()
    (root / "d/mode").unlink()
    (root / "d/mode").write_bytes(b"1")
    found = dict(site.engine().verify(digest))
    assert found.pop("/d/mode").startswith(("has another", "was written"))
    # One inode held all four equal files: the others are damaged with the one that was written to.
    assert found == {
        "/d/content": "has another content",
        "/d/gone": "is missing",
        "/d/type": "is of another type",
        "/s": "leads elsewhere",
        "/more": "was added",
    }


def test_an_index_leads_to_the_hosts_manifest(site: Site) -> None:
    digest = site.builder.layer([file("a", b"1")]).build(index=True)
    site.run(digest)
    assert site.engine().status().current == digest


@pytest.mark.parametrize("index", [True, False])
def test_an_image_for_another_architecture_is_refused(site: Site, index: bool) -> None:  # noqa: FBT001 - a parameter
    target = site.target(site.builder.layer([file("b")]).build(index=index), arch="arm64")
    with pytest.raises(TidegateError) as caught:
        site.engine().stage(target, lambda _: None, lambda: False)
    assert caught.value.code is Code.IMAGE_PLATFORM


def test_references_are_tried_in_order(site: Site) -> None:
    digest = site.builder.layer([file("a", b"1")]).build()
    target = site.target(digest, "/nowhere", str(site.builder.folder))
    assert site.engine().stage(target, lambda _: None, lambda: False).digest == digest
    with pytest.raises(TidegateError) as caught:
        site.engine().stage(site.target("sha256:" + "0" * 64, "/nowhere"), lambda _: None, lambda: False)
    assert caught.value.code is Code.IMAGE_NOT_FOUND


def test_space_is_given_back(site: Site) -> None:
    digests = [site.builder.layer([file("version", b"%d" % n), file("same")]).build() for n in range(4)]
    for digest in digests:
        site.run(digest)
    assert len(list((site.root / "generations").iterdir())) == 2
    assert len(site.files("objects")) == 3
    assert len(site.files("layers")) == 2
    site.engine().rollback(digests[2])
    assert len(site.files("objects")) == 2
    assert len(site.files("layers")) == 1


def damaged(site: Site, digest: str) -> str:
    """The image with one byte of its layer turned around."""
    blob = site.builder.blob_path(site.builder.document(digest)["layers"][0]["digest"])
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.write_bytes(content)
    return digest


def test_a_layer_of_another_digest_is_refused(site: Site) -> None:
    digest = damaged(site, site.builder.layer([file("a", os.urandom(1000))]).build())
    assert site.refusal(digest) is Code.IMAGE_DIGEST_MISMATCH


def test_a_layer_of_another_diff_id_is_refused(site: Site) -> None:
    digest = site.builder.layer([file("a", b"1")], diff_id="sha256:" + "0" * 64).build()
    assert site.refusal(digest) is Code.IMAGE_DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("items", "code"),
    [
        pytest.param([file("../../outside", b"x")], Code.IMAGE_HOSTILE, id="dots"),
        pytest.param([file("/outside", b"x")], Code.IMAGE_HOSTILE, id="absolute"),
        pytest.param([hardlink("a", "../../../lock")], Code.IMAGE_HOSTILE, id="hard link out"),
        pytest.param([hardlink("a", "b")], Code.IMAGE_MALFORMED, id="hard link to nothing"),
        pytest.param([file("d/.wh...", b"")], Code.IMAGE_HOSTILE, id="whiteout of the parent"),
        pytest.param([symlink("a", "a"), file("a/b")], Code.IMAGE_HOSTILE, id="circle"),
    ],
)
def test_hostile_layers_are_refused(site: Site, items: list[Item], code: Code) -> None:
    site.run(site.builder.layer([file("good", b"1")]).build())
    assert site.refusal(site.builder.layer(items).build()) is code


def test_links_of_an_image_never_lead_a_write_outside(site: Site) -> None:
    outside = site.root.parent / "outside"
    outside.mkdir()
    items = [symlink("up", "../" * 30 + str(outside)[1:]), symlink("abs", str(outside))]
    digest = site.builder.layer([*items, file("up/x", b"1"), file("abs/y", b"2")]).build()
    site.stage(digest)
    assert list(outside.iterdir()) == []
    inside = site.rootfs(digest) / str(outside)[1:]
    assert sorted(path.name for path in inside.iterdir()) == ["x", "y"]


def test_bombs_are_refused(site: Site) -> None:
    digest = site.builder.layer([file("zeros", bytes(20_000_000))]).build()
    assert site.refusal(digest, Limits(unpacked_bytes=5_000_000)) is Code.IMAGE_TOO_LARGE
    assert site.refusal(digest, Limits(ratio=50, ratio_floor=1_000_000)) is Code.IMAGE_HOSTILE
    many = site.builder.layer([file(f"{n}") for n in range(50)]).build()
    assert site.refusal(many, Limits(entries=49)) is Code.IMAGE_TOO_LARGE
    site.builder.layer([file("a")]).layer([file("b")])
    assert site.refusal(site.builder.build(), Limits(layers=1)) is Code.IMAGE_TOO_LARGE


def test_cancelling_stops_between_two_files(site: Site) -> None:
    digest = site.builder.layer([file(f"{n}", b"x") for n in range(100)]).build()
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 30

    with pytest.raises(Cancelled):
        site.engine().stage(site.target(digest), lambda _: None, cancelled)
    assert asked == 31
    assert {path.parent.name for path in site.files("incoming")} == {"blobs"}
    manifest = site.builder.document(digest)
    assert site.stage(digest).bytes_fetched == manifest["config"]["size"]

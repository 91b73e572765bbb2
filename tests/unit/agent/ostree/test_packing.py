"""A layer repacked: its files under numbers, all that it says about names in the record."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import (
    Item,
    device,
    directory,
    file,
    hardlink,
    make_tar,
    opaque,
    symlink,
    whiteout,
)
from tidegate_agent.engines.images.entry import Kind
from tidegate_agent.engines.images.limits import Budget, Limits
from tidegate_agent.engines.images.pull import Layer
from tidegate_agent.engines.ostree.packing import Packer, unpacked
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.descriptor import Descriptor

if TYPE_CHECKING:
    from pathlib import Path

TYPE = "application/vnd.oci.image.layer.v1.tar"


def layer_of(raw: bytes, diff_id: str | None = None) -> Layer:
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    blob = Descriptor.model_validate({"mediaType": TYPE, "digest": digest, "size": len(raw)})
    return Layer(blob, diff_id or digest)


def pack(raw: bytes, scratch: Path, layer: Layer | None = None) -> bytes:
    out = io.BytesIO()
    Packer(Budget(Limits()), scratch).pack(layer or layer_of(raw), io.BytesIO(raw), out)
    return out.getvalue()


def refused(items: list[Item], scratch: Path) -> Code:
    with pytest.raises(EngineError) as caught:
        pack(make_tar(items), scratch)
    return caught.value.code


def test_files_have_numbers_and_the_record_has_the_names(tmp_path: Path) -> None:
    items = [
        directory("d"),
        file("d/a", b"first", mode=0o4755, uid=3, gid=4),
        whiteout("d/gone"),
        opaque("d"),
        symlink("d/l", "/etc/passwd"),
        hardlink("d/h", "d/a"),
        device("d/null", 1, 3),
        file("x" * 255, b"second"),
    ]
    raw = make_tar(items)
    with tarfile.open(fileobj=io.BytesIO(pack(raw, tmp_path))) as archive:
        members = archive.getmembers()
        archive.extractall(tmp_path / "out", filter="data")
    assert [member.name for member in members] == ["0/0", "0/1", "record"]
    assert (members[0].mode, members[0].uid, members[0].gid) == (0o4755, 3, 4)
    assert all(member.isreg() for member in members)
    assert (tmp_path / "out/0/1").read_bytes() == b"second"
    entries = unpacked(tmp_path / "out", layer_of(raw))
    assert entries is not None
    assert [entry.content for entry in entries if entry.kind is Kind.FILE] == ["0/0", "", "", "0/1"]
    assert [entry.name.decode().rstrip("/") for entry in entries] == [item.name for item in items]


def test_a_record_counts_for_its_own_layer_only(tmp_path: Path) -> None:
    raw = make_tar([file("a")])
    with tarfile.open(fileobj=io.BytesIO(pack(raw, tmp_path))) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    assert unpacked(tmp_path / "out", layer_of(make_tar([file("b")]))) is None
    assert unpacked(tmp_path, layer_of(raw)) is None


def test_attributes_of_container_tools_are_left_out(tmp_path: Path) -> None:
    kept, dropped = {"user.a": "1", "security.selinux": "x"}, {"trusted.overlay.opaque": "y", "btrfs.z": "1"}
    raw = make_tar([file("a", xattrs=kept | dropped)])
    with tarfile.open(fileobj=io.BytesIO(pack(raw, tmp_path))) as archive:
        headers = archive.getmembers()[0].pax_headers
    assert set(headers) == {f"LIBARCHIVE.xattr.{name}" for name in kept}


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "a/../b"])
def test_names_that_lead_out_are_refused(name: str, tmp_path: Path) -> None:
    assert refused([file(name)], tmp_path) is Code.IMAGE_HOSTILE


def test_a_layer_that_is_another_one_is_refused_at_its_end(tmp_path: Path) -> None:
    raw = make_tar([file("a")])
    with pytest.raises(EngineError) as caught:
        pack(raw, tmp_path, layer_of(raw, "sha256:" + "0" * 64))
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH


def test_nothing_is_left_in_the_scratch_folder(tmp_path: Path) -> None:
    pack(make_tar([file("a")]), tmp_path)
    refused([file("ok"), file("/bad")], tmp_path)
    assert list(tmp_path.iterdir()) == []

"""Tar archives of layouts that were made to exhaust or to mislead us."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.support.images import describe
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"a blob"
BLOB = describe(CONTENT)
NAME = f"blobs/sha256/{BLOB.digest.removeprefix('sha256:')}"


def file(name: str, content: bytes = CONTENT) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    return entry, content


def link(name: str, target: str, kind: bytes) -> tuple[tarfile.TarInfo, bytes]:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry, b""


def archive(
    folder: Path, *entries: tuple[tarfile.TarInfo, bytes], encoding: int = tarfile.PAX_FORMAT
) -> Path:
    path = folder / "release.oci"
    with tarfile.open(path, "w", format=encoding) as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    return path


def read(path: Path) -> bytes:
    with LayoutSource(path).open_blob(BLOB) as chunks:
        return b"".join(chunks)


def refusal(path: Path) -> Code:
    with pytest.raises(TidegateError) as caught:
        read(path)
    return caught.value.code


@pytest.mark.parametrize("encoding", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_blob_is_read_where_it_lies(tmp_path: Path, prefix: str, encoding: int) -> None:
    assert read(archive(tmp_path, file("oci-layout"), file(prefix + NAME), encoding=encoding)) == CONTENT


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_links_and_devices_are_no_blobs(tmp_path: Path, kind: bytes) -> None:
    assert refusal(archive(tmp_path, link(NAME, "/etc/passwd", kind))) is Code.IMAGE_NOT_FOUND


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(archive(tmp_path, file(NAME), file(f"./{NAME}"))) is Code.IMAGE_MALFORMED


def test_too_many_entries_are_refused(tmp_path: Path) -> None:
    many = [file(str(count), b"") for count in range(10_000)]
    assert refusal(archive(tmp_path, *many, file(NAME))) is Code.IMAGE_MALFORMED


def test_a_header_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("././@PaxHeader")
    entry.type, entry.size = tarfile.XHDTYPE, 4 * 1024**3
    path = tmp_path / "release.oci"
    path.write_bytes(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert refusal(path) is Code.IMAGE_MALFORMED


def test_headers_that_claim_a_lot_together_are_refused(tmp_path: Path) -> None:
    entries = []
    for count in range(40):
        entry, content = file(str(count), b"")
        entry.pax_headers = {"comment": "x" * 1_000_000}
        entries.append((entry, content))
    assert refusal(archive(tmp_path, *entries, file(NAME))) is Code.IMAGE_MALFORMED


@pytest.mark.parametrize("content", [b"", b"no tar", gzip.compress(b"x" * 2000), b"\xff" * 1024])
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "release.oci"
    path.write_bytes(content)
    assert refusal(path) is Code.IMAGE_MALFORMED


def test_a_truncated_archive_never_yields_a_whole_blob(tmp_path: Path) -> None:
    path = archive(tmp_path, file(NAME))
    path.write_bytes(path.read_bytes()[: 512 + 3])
    try:
        assert read(path) != CONTENT
    except TidegateError as error:
        assert error.code in {Code.IMAGE_MALFORMED, Code.IMAGE_NOT_FOUND}  # noqa: PT017 - all are right

"""Headers that other readers of tar take for what they say."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.ostree.ustar import BLOCK, END, file_header, padding

_IDS = st.integers(0, 2**32 - 2)
_XATTRS = st.dictionaries(st.sampled_from([b"user.a", b"security.capability", b"user.\xff=%"]), st.binary())


@given(
    mode=st.integers(0, 0o7777),
    uid=_IDS,
    gid=_IDS,
    size=st.one_of(st.integers(0, 3000), st.integers(0, 2**40)),
    xattrs=_XATTRS,
)
def test_every_header_is_read_as_it_was_meant(
    mode: int, uid: int, gid: int, size: int, xattrs: dict[bytes, bytes]
) -> None:
    entry = Entry(b"", Kind.FILE, mode, uid=uid, gid=gid, size=size, xattrs=tuple(xattrs.items()))
    header = file_header("0/1", entry)
    assert len(header) % BLOCK == 0
    with tarfile.open(fileobj=io.BytesIO(header + END), mode="r:") as archive:
        member = archive.next()
    assert member is not None
    assert (member.name, member.mode, member.uid, member.gid, member.size) == ("0/1", mode, uid, gid, size)
    assert len(member.pax_headers) >= len(xattrs)


def test_a_capability_is_written_as_libarchive_reads_it() -> None:
    entry = Entry(b"", Kind.FILE, 0o755, xattrs=((b"security.capability", b"\x01\0"),))
    assert b"\x0044 LIBARCHIVE.xattr.security.capability=AQA\n\0" in file_header("1", entry)


def test_content_is_filled_up_to_whole_blocks() -> None:
    assert [len(padding(size)) for size in (0, 1, 512, 513)] == [0, 511, 0, 511]

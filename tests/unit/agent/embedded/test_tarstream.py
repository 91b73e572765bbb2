"""The tar reader: what the standard library reads, where archives are good; a refusal where they are not."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.layouts import Item, directory, file, hardlink, make_tar, symlink
from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.limits import Budget, Limits
from tidegate_agent.engines.images.tarstream import TarStream
from tidegate_schemas.codes import Code, TidegateError

BLOCK = 512


def read(data: bytes, limits: Limits | None = None, step: int = 700) -> list[tuple[Entry, bytes]]:
    """All entries with their content; `step` is the size of the chunks that the archive comes in."""
    chunks = (data[start : start + step] for start in range(0, len(data), step))
    stream = TarStream(chunks, Budget(limits or Limits()))
    return [(entry, b"".join(stream.content())) for entry in stream]


def refusal(data: bytes, limits: Limits | None = None) -> Code:
    with pytest.raises(TidegateError) as caught:
        read(data, limits)
    return caught.value.code


def raw_header(**fields: bytes) -> bytes:
    """A ustar header with fields replaced at will, its checksum right."""
    places = {
        "name": 0,
        "mode": 100,
        "uid": 108,
        "size": 124,
        "mtime": 136,
        "type": 156,
        "magic": 257,
        "prefix": 345,
    }
    block = bytearray(BLOCK)
    for name, value in {"type": b"0", "magic": b"ustar\x0000", "name": b"n", **fields}.items():
        block[places[name] : places[name] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(2 * BLOCK)

names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=120)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
whole_times = st.integers(-(2**31), 2**33 - 1)
items = st.builds(
    Item,
    name=paths,
    type=st.sampled_from(
        [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
    ),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime=st.integers(0, 2**33 - 1),
    link=paths,
    xattrs=st.dictionaries(st.sampled_from(["user.a", "user.b"]), st.text("abc=\n ", min_size=1)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(items, st.binary(max_size=1500)), max_size=6), st.sampled_from([1, 100, 513, 10**6])
)
def test_it_reads_what_tarfile_reads(given_items: list[tuple[Item, bytes]], step: int) -> None:
    entries = [
        Item(**{**vars(item), "content": content if item.type == tarfile.REGTYPE else b""})
        for item, content in given_items
    ]
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        data = make_tar(entries, form)
        found = read(data, step=step)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for (entry, content), member in zip(found, archive.getmembers(), strict=True):
                reader = archive.extractfile(member) if member.isreg() else None
                assert entry.name.rstrip(b"/") == member.name.rstrip("/").encode("utf-8", "surrogateescape")
                assert entry.kind.value.encode() == member.type
                assert (entry.mode, entry.uid, entry.gid) == (member.mode, member.uid, member.gid)
                assert entry.mtime_ns == int(member.mtime) * 10**9
                assert content == (reader.read() if reader else b"")
                if member.islnk() or member.issym():
                    assert entry.link == member.linkname.encode("utf-8", "surrogateescape")
                if form == tarfile.PAX_FORMAT:
                    expected = {f"SCHILY.xattr.{key.decode()}": value.decode() for key, value in entry.xattrs}
                    assert expected.items() <= member.pax_headers.items()
                    assert len(entry.xattrs) == sum(key.startswith("SCHILY") for key in member.pax_headers)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    good = make_tar(
        [file("a/" + "n" * 120, b"x" * 600), symlink("s", "t"), directory("d", xattrs={"user.a": "b"})]
    )
    damaged = bytearray(good)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        read(bytes(damaged[: data.draw(st.integers(0, len(good)))]))
    except TidegateError as error:
        assert str(error.code).startswith("image.")  # noqa: PT017 - whether it raises depends on the damage


def test_numbers_in_base_256() -> None:
    size = b"\x80" + (5).to_bytes(11, "big")
    mtime = (-86400).to_bytes(12, "big", signed=True)
    ((entry, content),) = read(raw_header(size=size, mtime=mtime) + b"hello".ljust(BLOCK, b"\0") + END)
    assert (entry.size, content, entry.mtime_ns) == (5, b"hello", -86400 * 10**9)


def test_fractions_of_seconds_survive() -> None:
    ((entry, _),) = read(make_tar([file("a", mtime=1_700_000_000.25)]))
    assert entry.mtime_ns == 1_700_000_000_250_000_000


def test_gnu_keeps_no_prefix_where_ustar_does() -> None:
    for magic, name in ((b"ustar\x0000", b"up/n"), (b"ustar  \0", b"n")):
        ((entry, _),) = read(raw_header(magic=magic, prefix=b"up") + END)
        assert entry.name == name


def test_an_old_directory_is_known_by_its_slash() -> None:
    ((entry, _),) = read(raw_header(type=b"\0", name=b"d/") + END)
    assert entry.kind is Kind.DIRECTORY


def test_content_that_nobody_reads_is_passed_over() -> None:
    data = make_tar([file("a", b"x" * 5000), file("b", b"y")])
    stream = TarStream(iter([data]), Budget(Limits()))
    assert [entry.name for entry in stream] == [b"a", b"b"]


def test_all_is_read_behind_the_end() -> None:
    seen = []

    def chunks() -> object:
        for piece in (make_tar([file("a")]), b"trailing", b"bytes"):
            seen.append(piece)
            yield piece

    assert len(list(TarStream(chunks(), Budget(Limits())))) == 1  # type: ignore[arg-type]
    assert seen[-1] == b"bytes"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(make_tar([file("a", b"x" * 900)])[:1000], Code.IMAGE_MALFORMED, id="cut in content"),
        pytest.param(make_tar([file("a")])[:300], Code.IMAGE_MALFORMED, id="cut in header"),
        pytest.param(b"\1" * BLOCK, Code.IMAGE_MALFORMED, id="checksum"),
        pytest.param(raw_header(size=b"9") + END, Code.IMAGE_MALFORMED, id="not octal"),
        pytest.param(raw_header(size=b"\xff" * 12) + END, Code.IMAGE_MALFORMED, id="negative size"),
        pytest.param(raw_header(uid=b"\xff" * 8) + END, Code.IMAGE_MALFORMED, id="negative owner"),
        pytest.param(raw_header(type=b"S") + END, Code.IMAGE_UNSUPPORTED, id="GNU sparse"),
        pytest.param(raw_header(type=b"2") + END, Code.IMAGE_MALFORMED, id="link to nothing"),
        pytest.param(raw_header(type=b"V") + END, Code.IMAGE_UNSUPPORTED, id="volume label"),
        pytest.param(bytes(BLOCK) + make_tar([file("a")]), Code.IMAGE_MALFORMED, id="goes on after the end"),
        pytest.param(raw_header(type=b"L", size=b"7777777777") + END, Code.IMAGE_TOO_LARGE, id="long name"),
    ],
)
def test_what_is_refused(data: bytes, code: Code) -> None:
    assert refusal(data) is code


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (b"30 GNU.sparse.major=1\n".replace(b"30", b"22"), Code.IMAGE_UNSUPPORTED),
        (b"99 path=a\n", Code.IMAGE_MALFORMED),
        (b"path=a\n", Code.IMAGE_MALFORMED),
        (b"8 path=a\n", Code.IMAGE_MALFORMED),
        (b"10 patha1\n", Code.IMAGE_MALFORMED),
        (b"11 size=-1\n", Code.IMAGE_MALFORMED),
        (b"13 mtime=1e9\n", Code.IMAGE_MALFORMED),
        (b"18 uid=4294967295\n", Code.IMAGE_MALFORMED),
        (b"16 linkpath=a\0b\n", Code.IMAGE_HOSTILE),
        (b"25 SCHILY.xattr.user.\0=1\n", Code.IMAGE_HOSTILE),
    ],
)
def test_pax_headers_that_are_refused(records: bytes, code: Code) -> None:
    size = b"%o" % len(records)
    extension = raw_header(type=b"x", size=size) + records.ljust(BLOCK, b"\0")
    assert refusal(extension + raw_header() + END) is code


def test_a_global_header_may_only_comment() -> None:
    def archive(record: bytes) -> bytes:
        header = raw_header(type=b"g", size=b"%o" % len(record))
        return header + record.ljust(BLOCK, b"\0") + raw_header() + END

    assert len(read(archive(b"13 comment=a\n"))) == 1
    assert refusal(archive(b"11 path=ab\n")) is Code.IMAGE_UNSUPPORTED


def test_an_extension_at_the_end_belongs_to_nothing() -> None:
    assert refusal(raw_header(type=b"L", size=b"1") + b"n".ljust(BLOCK, b"\0") + END) is Code.IMAGE_MALFORMED


def test_limits_hold() -> None:
    three = make_tar([file("a"), file("b"), hardlink("c", "a")])
    assert len(read(three, Limits(entries=3))) == 3
    assert refusal(three, Limits(entries=2)) is Code.IMAGE_TOO_LARGE
    long = make_tar([file("n" * 300)])
    assert len(read(long, Limits(name_bytes=300))) == 1
    assert refusal(long, Limits(name_bytes=299)) is Code.IMAGE_TOO_LARGE
    heavy = make_tar([file("a", xattrs={"user.a": "x" * 900})])
    assert refusal(heavy, Limits(metadata_bytes=800)) is Code.IMAGE_TOO_LARGE
    assert refusal(heavy, Limits(pax_bytes=800)) is Code.IMAGE_TOO_LARGE


def test_chunk_borders_do_not_matter() -> None:
    data = make_tar([file("a", bytes(range(256)) * 5), file("b" * 200, b"end")])
    results = [read(data, step=step) for step in (1, 511, 512, 513, len(data))]
    assert all(left == right for left, right in pairwise(results))

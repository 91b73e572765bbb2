"""What is known of a layer once it was unpacked: its entries with their objects' ids, in one file.

With it an unchanged layer of the next image is neither fetched nor unpacked again, and its blob need not be
kept. A record is bound to the layer's diff_id and to the user who unpacked it; one that cannot be read whole
counts as absent.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import zstandard

from tidegate_agent.engines.images.entry import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_VERSION = 1


def write_record(path: Path, diff_id: str, uid: int, entries: Iterator[Entry]) -> Iterator[Entry]:
    """Pass entries on, and write each of them down. The record is complete when the iterator is exhausted."""
    count = 0
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    with path.open("wb") as file, compressor.stream_writer(file) as writer:
        writer.write(_line({"version": _VERSION, "diff_id": diff_id, "uid": uid}))
        for entry in entries:
            writer.write(_line(_encode(entry)))
            count += 1
            yield entry
        writer.write(_line({"entries": count}))


def read_record(path: Path, diff_id: str, uid: int) -> list[Entry] | None:
    """The entries of a layer, or None when there is no whole record of this layer by this user."""
    try:
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            lines = reader.read().splitlines()
    except (OSError, zstandard.ZstdError):
        return None
    header = {"version": _VERSION, "diff_id": diff_id, "uid": uid}
    try:
        if len(lines) < 2 or json.loads(lines[0]) != header:  # noqa: PLR2004 - header and trailer
            return None
        if json.loads(lines[-1]) != {"entries": len(lines) - 2}:
            return None
        return [_decode(json.loads(line)) for line in lines[1:-1]]
    except (ValueError, TypeError):
        return None


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _encode(entry: Entry) -> list[object]:
    return [
        _text(entry.name),
        entry.kind.value,
        *entry[2:7],
        _text(entry.link),
        entry.device,
        [[_text(name), value.hex()] for name, value in entry.xattrs],
        entry.content,
    ]


def _decode(values: list[Any]) -> Entry:
    name, kind, mode, uid, gid, mtime_ns, size, link, device, xattrs, content = values
    return Entry(
        name=_bytes(name),
        kind=Kind(kind),
        mode=mode,
        uid=uid,
        gid=gid,
        mtime_ns=mtime_ns,
        size=size,
        link=_bytes(link),
        device=device,
        xattrs=tuple((_bytes(key), bytes.fromhex(value)) for key, value in xattrs),
        content=content,
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")

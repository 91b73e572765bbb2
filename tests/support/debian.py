"""A real Debian root file system as OCI images: two base layers, and upper ones that change it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

from tests.support.layouts import (
    Compression,
    ImageBuilder,
    Item,
    device,
    directory,
    fifo,
    file,
    hardlink,
    opaque,
    symlink,
    whiteout,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UPPER = "usr/share/"
# VFS_CAP_REVISION_2, effective, cap_net_bind_service permitted (linux/capability.h)
CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12

CHANGES: list[Item] = [
    whiteout("usr/share/doc"),
    whiteout("etc/debian_version"),
    whiteout("usr/share/zoneinfo/Europe"),
    directory("usr/share/man", mtime=1_600_000_000.5),
    opaque("usr/share/man"),
    file("usr/share/man/README", b"nothing here\n", mtime=1_600_000_000.25),
    file("etc/hostname", b"tidegate\n", uid=12, gid=34, mode=0o640),
    directory("srv/app", mode=0o2775, uid=1000, gid=1000),
    file("srv/app/server", b"#!/bin/sh\n" * 500, mode=0o4755, xattrs={"user.origin": "tidegate"}),
    file("srv/app/bind", b"low port", mode=0o755, xattrs={"security.capability": CAPABILITY}),
    hardlink("srv/app/shell", "usr/bin/bash"),
    hardlink("srv/app/server2", "srv/app/server"),
    symlink("srv/app/passwd", "/etc/passwd", mtime=1_500_000_000),
    symlink("srv/app/out", "../../../../../../etc", uid=5),
    fifo("srv/app/pipe", mode=0o620),
    device("srv/app/null", 1, 3, mode=0o666),
    file("usr/share/misc", b"a file where a directory was"),
    directory("etc/issue.net"),
    file("etc/issue.net/inside", b"a directory where a file was"),
    file("srv/" + "long-name-" * 20, b"long"),
    file("srv/n\u00efn\u00fc", b"not ASCII"),
]


def make_root(folder: Path) -> Path:
    """Bootstrap Debian (about 300 MB) with the machine's own apt sources; needs root and a mirror."""
    archive = folder / "root.tar"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root"]
    command += ["--include=python3,git,openssh-client", "bookworm", str(archive)]
    subprocess.run(command, check=True, timeout=280, capture_output=True)
    return archive


def split_root(archive: Path, folder: Path) -> tuple[Path, Path]:
    """The root in two tars: without usr/share, and usr/share alone."""
    lower, upper = folder / "lower.tar", folder / "upper.tar"
    copy_tar(archive, lower, lambda member: None if _plain(member).startswith(UPPER) else b"")
    copy_tar(archive, upper, lambda member: b"" if _plain(member).startswith(UPPER) else None)
    return lower, upper


def change_files(archive: Path, changed: Path, every: int) -> int:
    """The same tar with every n-th regular file changed; how many that are."""
    count, changes = 0, 0

    def change(member: tarfile.TarInfo) -> bytes | None:
        nonlocal count, changes
        count += member.isreg()
        if not member.isreg() or count % every:
            return b""
        changes += 1
        return b"changed"

    copy_tar(archive, changed, change)
    return changes


def copy_tar(source: Path, target: Path, edit: Callable[[tarfile.TarInfo], bytes | None]) -> None:
    """Copy a tar; `edit` says None to leave an entry out, or what to replace its content's start by."""
    with tarfile.open(source) as given, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as taken:
        for member in given:
            start = edit(member)
            if start is None:
                continue
            reader = given.extractfile(member) if member.isreg() else None
            if reader is not None and start:
                content = (start + reader.read()[len(start) :])[: member.size]
                taken.addfile(member, io.BytesIO(content))
            else:
                taken.addfile(member, reader)


def build_image(builder: ImageBuilder, layers: tuple[Path, Path], compression: Compression, tag: str) -> str:
    """The two base layers with the changes over them."""
    for layer in layers:
        builder.layer_from(layer, compression)
    return builder.layer(CHANGES, compression).build(tag)


def _plain(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./")

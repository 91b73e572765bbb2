"""The versions of the operating system that the virtual machine is offered, as OCI images in one layout.

All stand on the same two layers: Debian (rootfs.py), and the agent with all it needs. A small third one tells
the versions from each other, and has what is wrong with one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.layouts import ImageBuilder, Item, directory, file, symlink, whiteout
from tests.vm import agent_layer

if TYPE_CHECKING:
    from collections.abc import Iterable

SICK = "usr/share/site/sick"
"""The health check of the machine is that there is no such file."""

_DEAD_INIT = b"#!/bin/sh\nexit 1\n"

# Where the test looks around, on the second serial line: there before the login prompt, and without a line
# editor, which would lose what comes too early. A host has no such thing. (A shell minds no SIGTERM.)
_SHELL = b"""[Unit]
Before=serial-getty@ttyS0.service
[Service]
Type=exec
ExecStart=/bin/sh
Environment=PS1= HOME=/root
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS1
KillSignal=SIGKILL
Restart=always
"""
_UNITS = "usr/lib/systemd/system"

# What each version has over the two layers that all share, besides its number.
VERSIONS: dict[str, tuple[Item, ...]] = {
    "1": (),
    "2": (),
    "3-sick": (file(SICK),),
    "4-no-agent": (whiteout(f"{agent_layer.PYTHON}/tidegate_agent"),),
    "5-no-init": (file("usr/lib/systemd/systemd", _DEAD_INIT, mode=0o755),),
    "6": (),
}


@dataclass(frozen=True)
class Images:
    """All versions.

    Attributes:
        layout: the OCI layout; each version is a tag in it.
        digests: of the manifests, by version.
    """

    layout: Path
    digests: dict[str, str]


def make(folder: Path, base: Path) -> Images:
    """Write all versions below a folder."""
    agent = agent_layer.make(folder, base)
    builder = ImageBuilder(folder / "layout")
    shared = builder.layer_from(base, "zstd").layer_from(agent, "zstd").build("base")
    digests = {
        version: builder.upon(shared).layer(_top(version, more)).build(f"v{version}")
        for version, more in VERSIONS.items()
    }
    return Images(builder.folder, digests)


def _top(version: str, more: Iterable[Item]) -> list[Item]:
    return [
        directory("usr/share/site"),
        file("usr/share/site/version", f"{version}\n".encode()),
        file(f"{_UNITS}/test-shell.service", _SHELL),
        symlink(f"{_UNITS}/multi-user.target.wants/test-shell.service", "../test-shell.service"),
        *more,
    ]

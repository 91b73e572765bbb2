"""The images as commits in an archive repository behind HTTP: what somebody has to keep for `ostree pull`."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.ways_ostree import Sysroot
from tidegate_agent.engines.ostree.account import image_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.supply import Supply

_SERVER = Path(__file__).with_name("fileserver.py")


@contextmanager
def serving(supply: Supply, folder: Path) -> Iterator[None]:
    """Have the ostree engine make the commits, and serve them under the images' tags."""
    archive = _made(supply, folder)
    command = [sys.executable, "-I", str(_SERVER), str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            supply.archive = f"http://localhost:{int(server.stdout.readline())}"
            supply.servers.append(server.pid)
            yield
        finally:
            supply.servers.remove(server.pid)
            server.terminate()


def _made(supply: Supply, folder: Path) -> Path:
    sysroot, archive = Sysroot(folder / "sysroot"), folder / "archive"
    sysroot.run("init", f"--repo={archive}", "--mode=archive")
    sysroot.run("config", "set", f"--repo={archive}", "core.fsync", "false")
    for index, tag in enumerate(supply.tags):
        sysroot.engine(supply, index)
        ref = image_ref(supply.digests[index])
        commit = sysroot.run("rev-parse", f"--repo={sysroot.repository}", ref)
        sysroot.run("pull-local", f"--repo={archive}", str(sysroot.repository), commit)
        # A pull by name wants a commit that says it has this name.
        words = (f"--branch={tag}", "--bootable", f"--tree=ref={commit}")
        sysroot.run("commit", f"--repo={archive}", *words)
    return archive

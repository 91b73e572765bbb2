"""The images to stage, in a registry on loopback, and the count of the bytes that left it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.bench import procfs
from tests.conftest import find_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.images import Images
    from tests.support.registries import RealRegistry

_NAME = "bench/debian"


def program(name: str) -> str:
    """Where a program is.

    Raises:
        FileNotFoundError: it is missing.
    """
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing")
    return found


def lacking(*names: str) -> str:
    """What of it is missing, for a person; nothing when all is there."""
    return ", ".join(f"{name} is missing" for name in names if find_program(name) is None)


class Supply:
    """A registry that has the images.

    Args:
        registry: it runs for as long as this is used.
        prepared: the images.
        folder: for its configuration file.

    Attributes:
        host: the registry's host and port.
        reference: the repository, without a tag.
        digests: what to stage first, and then.
        tags: theirs.
        conf: registries.conf, for whoever pulls.
        archive: where commits of the images can be pulled from, once somebody serves them.
        servers: ids of processes whose output counts as fetched; others than the registry may join.
    """

    def __init__(self, registry: RealRegistry, prepared: Images, folder: Path) -> None:
        self.host, self.archive, self.servers = registry.host, "", [registry.pid]
        self.reference = f"{registry.host}/{_NAME}"
        self.digests, self.tags = prepared.digests, prepared.tags
        self.conf = folder / "registries.conf"
        self.conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
        self._layout = prepared.layout

    def push(self) -> None:
        """Put the images into the registry as they are."""
        argv = [program("skopeo"), "copy", "-q", "--preserve-digests", "--dest-tls-verify=false"]
        for tag in self.tags:
            source, target = f"oci:{self._layout}:{tag}", f"docker://{self.reference}:{tag}"
            subprocess.run([*argv, source, target], check=True)

    def sent(self) -> int:
        """Bytes that left the servers so far."""
        return sum(map(procfs.bytes_written, self.servers))

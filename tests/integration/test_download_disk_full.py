"""A disk that is really full: a tmpfs of 256 KiB in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import find_program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real("unshare")

SCRIPT = """
import contextlib, pathlib, sys
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.descriptor import Descriptor
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.download import fetch_blob

folder = pathlib.Path(sys.argv[1])
content = bytes(1024 * 1024)
blob = Descriptor(media_type="a/b", digest=digest_of(content), size=len(content))

class Source:
    @contextlib.contextmanager
    def open_blob(self, blob, offset=0):
        yield iter([content[at:at + 65536] for at in range(offset, len(content), 65536)])

try:
    fetch_blob(Source(), blob, folder, lambda _: None, lambda: False)
except TidegateError as error:
    print(error.code, [entry.name for entry in folder.iterdir()])
"""


def test_a_full_disk_gets_its_space_back(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "small").mkdir()
    unshare = find_program("unshare")
    assert unshare is not None
    command = 'mount -t tmpfs -o size=256k none "$1" && exec "$2" "$3" "$1"'
    places = [str(tmp_path / "small"), sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(
        [unshare, "--map-root-user", "--mount", "sh", "-c", command, "sh", *places],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "Operation not permitted" in done.stderr and not os.environ.get("CI"):
        pytest.skip("this machine allows no mount namespaces")
    assert done.stdout.strip() == "disk.full []", done.stderr

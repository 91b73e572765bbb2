"""docs/host-signed-events.md as it stands: its blocks are run in order, in a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL
from tests.support.documents import adapt, block
from tidegate_publisher.adapters.device_keys import DeviceKeyFolder
from tidegate_wire.trust.device import read_keys

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = "host-signed-events.md"
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so")


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str], str]:
    """Runs a block as the reader does, with a configuration of the test's own."""
    scripts = Path(sys.executable).parent

    def run(script: str) -> str:
        wrapped = (
            f'tidegate-agent() {{ command tidegate-agent --config agent.toml "$@"; }}\nset -eu\n{script}'
        )
        done = subprocess.run(
            ["/bin/bash", "-c", wrapped],
            cwd=tmp_path,
            env={
                "PATH": f"{scripts}:{os.environ['PATH']}:/usr/sbin:/usr/bin",
                "HOME": str(tmp_path),
                "SOFTHSM2_CONF": str(tmp_path / "softhsm2.conf"),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def configure(folder: Path, table: str) -> None:
    places = f'[state]\ndirectory = "{folder}/state"\nruntime_directory = "{folder}/run"\n'
    (folder / "agent.toml").write_text(MINIMAL + places + table)


@pytest.mark.real("openssl")
def test_a_key_in_a_file_is_made_enrolled_and_rotated(tmp_path: Path, shell: Callable[[str], str]) -> None:
    here = {"/etc/tidegate/device.key": f"{tmp_path}/device.key"}
    configure(tmp_path, adapt(block(PAGE, "file.toml"), here))
    [made] = read_keys(shell(block(PAGE, "create")), "create")
    printed = shell(block(PAGE, "enrol"))
    assert printed.split()[0] == made.id
    assert DeviceKeyFolder(tmp_path / "keys").hosts == {"edge-1"}
    # Rotate, steps 1 and 2.
    configure(tmp_path, f'[events]\ndevice_key = "{tmp_path}/device-2.key"\n')
    with (tmp_path / "keys" / "edge-1.pem").open("a") as enrolled:
        enrolled.write(shell("tidegate-agent device-key --create"))
    keys = read_keys((tmp_path / "keys" / "edge-1.pem").read_text(), "edge-1.pem")
    assert len({key.id for key in keys}) == 2
    assert keys[0].id == made.id


@pytest.mark.real("softhsm2-util")
def test_a_key_in_a_token_is_made(tmp_path: Path, shell: Callable[[str], str]) -> None:
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    module = next(path for path in MODULES if Path(path).exists())
    here = {"/etc/tidegate/token-pin": f"{tmp_path}/token-pin"}
    shell(adapt(block(PAGE, "token"), here))
    configure(tmp_path, adapt(block(PAGE, "token.toml"), {**here, MODULES[0]: module}))
    [made] = read_keys(shell(block(PAGE, "create")), "create")
    assert shell("tidegate-agent device-key").startswith(f"# device key {made.id}\n")


def test_the_command_that_follows_is_one_that_there_is(tmp_path: Path, shell: Callable[[str], str]) -> None:
    # It would follow for two hours: only its words are read.
    words = block(PAGE, "follow").strip().replace("--for 2h", "--help")
    (tmp_path / "keys").mkdir()
    assert "--device-keys" in shell(words)

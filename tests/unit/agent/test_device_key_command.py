"""`tidegate-agent device-key`: which key signs this host's events, and making one."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL
from tidegate_agent import cli
from tidegate_schemas.envelope import seal
from tidegate_wire.trust.device import read_keys, verify_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

TOKEN = """
[events.pkcs11]
module = "/usr/lib/nothing.so"
token = "tidegate"
label = "device-key"
pin_file = "/nowhere/pin"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    places = f'[state]\ndirectory = "{tmp_path}/state"\nruntime_directory = "{tmp_path}/run"\n'
    file.write_text(MINIMAL + places + '[host]\nid = "edge-1"\n', encoding="utf-8")
    return file


@pytest.fixture
def key(config: Path, tmp_path: Path) -> Path:
    path = tmp_path / "device.key"
    config.write_text(config.read_text() + f'[events]\ndevice_key = "{path}"\n', encoding="utf-8")
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(["--config", str(config), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_a_key_is_made_for_its_owner_alone_and_described(run: Run, key: Path) -> None:
    from tidegate_agent.adapters.device_key_file import FileDeviceKey  # noqa: PLC0415 - as the child does

    status, out, _ = run("device-key", "--create")
    assert status == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    [public] = read_keys(out, "what was printed")
    assert out.splitlines()[0] == f"# device key {public.id}"
    made = FileDeviceKey(key).sign([b"{}"])
    assert verify_event(seal(b"{}", made.key_id, made.signatures[0]), [public]).key_id == public.id
    assert run("device-key") == (0, out, "")


def test_a_key_is_never_replaced(run: Run, key: Path) -> None:
    run("device-key", "--create")
    before = key.read_bytes()
    status, out, err = run("device-key", "--create")
    assert (status, out) == (1, "")
    assert "never replaced" in err
    assert "[event.signing]" in err
    assert key.read_bytes() == before
    key.unlink()
    key.symlink_to(key.parent / "elsewhere")
    assert run("device-key", "--create")[0] == 1
    assert not (key.parent / "elsewhere").exists()


def test_a_key_that_is_not_there_is_said(run: Run, key: Path) -> None:
    status, _, err = run("device-key")
    assert status == 1
    assert f"{key} cannot be read" in err


def test_a_key_is_not_made_where_there_is_no_place_for_it(run: Run, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + f'[events]\ndevice_key = "{tmp_path}/no/device.key"\n')
    status, _, err = run("device-key", "--create")
    assert status == 1
    assert "cannot be made: No such file or directory" in err


def test_without_a_key_in_the_configuration_it_is_said_what_to_set(run: Run) -> None:
    for words in (("device-key",), ("device-key", "--create")):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert "events.device_key" in err
        assert "[config.missing]" in err


def test_a_token_needs_a_library(run: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(config.read_text() + TOKEN, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    for words in (("device-key",), ("run",)):
        status, _, err = run(*words)
        assert status == 1
        assert "pip install 'tidegate[pkcs11]'" in err
        assert "[config.missing]" in err


def test_two_keys_are_one_too_many(run: Run, key: Path, config: Path) -> None:
    config.write_text(config.read_text() + TOKEN, encoding="utf-8")
    status, _, err = run("check-config")
    assert status == 1
    assert "either device_key or a table pkcs11, not both" in err
    assert not key.exists()


def test_check_config_warns_of_a_key_that_will_not_be_used(run: Run, key: Path) -> None:
    status, out, err = run("check-config")
    assert status == 0
    assert f'events.device_key = "{key}"' in out
    assert f"events.device_key: {key} cannot be read" in err
    run("device-key", "--create")
    assert "events.device_key" not in run("check-config")[2]
    key.chmod(0o604)
    assert "others can use" in run("check-config")[2]

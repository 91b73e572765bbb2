"""What the command line says of the trusted root, with no agent and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.config_tree import MINIMAL
from tests.support.statements import NOON
from tidegate_agent import cli
from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas.codes import Code
from tidegate_schemas.status import HostStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

PINNED = 'root = "/etc/tidegate/trusted_root.json"'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "trusted_root.json"


@pytest.fixture
def config(tmp_path: Path, root: Path) -> Path:
    file = tmp_path / "agent.toml"
    places = f'[state]\ndirectory = "{tmp_path}/state"\nruntime_directory = "{tmp_path}/run"\n'
    text = MINIMAL.replace("/srv/kiosk", f"{tmp_path}/kiosk").replace(PINNED, f'root = "{root}"')
    file.write_text(text + places + '[host]\nid = "edge-1"\n', encoding="utf-8")
    return file


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(["--config", str(config), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


def test_check_config_says_which_root_is_in_force(run: Run, root: Path) -> None:
    root.write_text(LocalSigstore.create(NOON).trusted_root_json())
    _, out, _ = run("check-config")
    assert f"trusted root: {root} sha256:" in out
    assert "with no end in sight" in out


def test_check_config_says_until_when(run: Run, root: Path) -> None:
    text = LocalSigstore.create(NOON).trusted_root_json()
    root.write_text(text.replace('"start": "', '"end": "2200-01-01T00:00:00Z", "start": "'))
    _, out, _ = run("check-config")
    assert "good until 2200-01-01T00:00:00.000001Z" in out


def test_check_config_knows_the_public_good_root(run: Run, config: Path, root: Path) -> None:
    config.write_text(config.read_text().replace(str(root), "public-good"))
    status, out, err = run("check-config")
    assert (status, err) == (0, "")
    assert "trusted root: the public-good root in the sigstore package sha256:" in out


def test_a_root_that_is_not_there(run: Run, root: Path) -> None:
    status, out, _ = run("check-config")
    assert status == 0
    assert f"trusted root: none; the trusted root {root} cannot be read" in out
    status, out, _ = run("status", "--json")
    trust = HostStatus.model_validate_json(out).trust
    assert trust is not None
    assert (trust.code, trust.root_digest) == (Code.TRUST_ROOT_MISSING, None)
    status, out, err = run("refresh-root")
    assert (status, out) == (1, "")
    assert Code.TRUST_ROOT_MISSING in err


def test_an_end_that_is_near_is_in_the_status(run: Run, root: Path) -> None:
    text = LocalSigstore.create(NOON).trusted_root_json()
    root.write_text(text.replace('"start": "', '"end": "2026-03-03T00:00:00Z", "start": "'))
    _, out, _ = run("status")
    assert "  trusted root: sha256:" in out
    assert "its last certificate authority ended at 2026-03-03 00:00Z" in out


def test_a_pinned_root_is_read_anew_by_hand(run: Run, root: Path) -> None:
    root.write_text(LocalSigstore.create(NOON).trusted_root_json())
    status, out, err = run("refresh-root")
    assert (status, err) == (0, "")
    assert f"trusted root: {root} sha256:" in out


def test_a_running_agent_is_asked_to_refresh(run: Run, tmp_path: Path) -> None:
    asked: list[object] = []

    def answer(request: Mapping[str, object]) -> Mapping[str, object]:
        asked.append(request["command"])
        return {"ok": True}

    server = ControlServer(tmp_path / "run", answer)
    server.start()
    try:
        status, out, _ = run("refresh-root")
    finally:
        server.stop()
    assert (status, asked) == (0, ["refresh-root"])
    assert "tidegate-agent status" in out

"""`tidegate page`, as people start it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.fleet_story import Story
from tests.support.page_store import fill_store
from tidegate_publisher.cli import cli
from tidegate_schemas.codes import Code

TIDEGATE = Path(sys.executable).with_name("tidegate")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fill_store(tmp_path_factory.mktemp("store") / "fleet.db", Story(5).tell())


def test_it_serves_what_was_collected_until_it_is_told_to_end(store: str) -> None:
    words = [
        str(TIDEGATE),
        "page",
        "--store",
        store,
        "--listen",
        "127.0.0.1:0",
        "--no-login",
        "--json",
        "--quiet",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdout is not None
        address = json.loads(page.stdout.readline())["page"]
        with urllib.request.urlopen(f"{address}/api/v1/summary", timeout=60) as answer:  # noqa: S310 -- our own
            assert json.load(answer)["hosts"] == 5
        live = urllib.request.urlopen(f"{address}/api/v1/live", timeout=60)  # noqa: S310 -- our own
        live.readline()
        page.send_signal(signal.SIGTERM)
        assert page.wait(timeout=60) == 0
        live.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing option '--listen'"),
        (("--listen", "127.0.0.1:0"), "say who may read"),
        (("--listen", "127.0.0.1:0", "--no-login", "--login-header", "X-User"), "say who may read"),
        (("--listen", "0.0.0.0:0", "--no-login"), "would let everybody in"),
        (("--listen", "0.0.0.0:0", "--login-header", "X-User"), "no trusted proxy"),
        (("--listen", "127.0.0.1:0", "--login-header", "Host"), "no header that could name a user"),
        (
            ("--listen", "127.0.0.1:0", "--no-login", "--trusted-proxy", "10.0.0.1"),
            "goes with --login-header",
        ),
        (
            ("--listen", "127.0.0.1:0", "--login-header", "X-User", "--trusted-proxy", "10.0.0.1/8"),
            "host bits",
        ),
        (("--listen", "127.0.0.1:0", "--no-login", "--tls-cert", __file__), "go together"),
    ],
)
def test_what_would_let_anybody_in_does_not_start(store: str, words: tuple[str, ...], said: str) -> None:
    ended = CliRunner().invoke(cli, ["page", "--store", store, *words])
    assert ended.exit_code == 2
    assert said in ended.stderr


@pytest.mark.parametrize("command", ["page", "collect"])
def test_an_address_that_is_none_is_a_wrong_setting_and_nothing_is_tried(
    tmp_path: Path, command: str
) -> None:
    words = [command, "--store", f"sqlite:///{tmp_path}/fleet.db", "--listen", ":8080", "--no-login"]
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 2
    assert "write 127.0.0.1:8080" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_token_that_others_can_read_is_refused(store: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x" * 40)
    token.chmod(0o644)
    words = ["page", "--store", store, "--listen", "127.0.0.1:0", "--token-file", str(token), "--json"]
    ended = CliRunner().invoke(cli, words)
    assert (ended.exit_code, json.loads(ended.stdout)["code"]) == (2, Code.PAGE_UNSAFE)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "none.db"
    words = ["page", "--store", f"sqlite:///{missing}", "--listen", "127.0.0.1:0", "--no-login", "--json"]
    ended = CliRunner().invoke(cli, words)
    assert (ended.exit_code, json.loads(ended.stdout)["code"]) == (1, Code.STORE_MISSING)
    assert not missing.exists()

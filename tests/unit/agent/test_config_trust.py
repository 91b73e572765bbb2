"""`[trust]`: where the trusted root comes from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_agent.config import warnings
from tidegate_schemas.codes import Code

PINNED = 'root = "/etc/tidegate/trusted_root.json"\n'
STATE = Path("/var/lib/tidegate")


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    return ConfigTree(tmp_path)


def trusting(tree: ConfigTree, text: str) -> ConfigTree:
    """A configuration whose [trust] says this."""
    assert PINNED in MINIMAL
    tree.put("etc", "agent.toml", MINIMAL.replace(PINNED, text))
    return tree


def tuf(url: str = "https://tuf.example.org", more: str = "") -> str:
    return f'[trust.tuf]\nurl = "{url}"\nroot = "/etc/tidegate/root.json"\n{more}\n'


def test_a_pinned_file(tree: ConfigTree) -> None:
    trust = trusting(tree, PINNED).load().settings.trust
    assert trust.root_in(STATE) == Path("/etc/tidegate/trusted_root.json")


def test_the_public_good_root_is_a_word(tree: ConfigTree) -> None:
    loaded = trusting(tree, 'root = "public-good"\n').load()
    assert loaded.settings.trust.root_in(STATE) == "public-good"
    assert warnings(loaded) == []


def test_a_repository_with_its_defaults(tree: ConfigTree) -> None:
    trust = trusting(tree, tuf()).load().settings.trust
    assert trust.root_in(STATE) == STATE / "trust/trusted_root.json"
    assert trust.warn_before == timedelta(days=7)
    assert trust.tuf is not None
    assert (trust.tuf.target, trust.tuf.refresh, trust.tuf.timeout) == (
        "trusted_root.json",
        timedelta(hours=6),
        timedelta(seconds=20),
    )


@pytest.mark.parametrize("text", ["", PINNED + tuf()], ids=["neither", "both"])
def test_exactly_one_source_is_needed(tree: ConfigTree, text: str) -> None:
    ((code, problem),) = trusting(tree, text + "\n[host]\n").problems()
    assert code is Code.CONFIG_VALUE
    assert "expected either root or a table [trust.tuf]" in problem


@pytest.mark.parametrize("root", ["default", "trusted_root.json", ""])
def test_a_root_that_is_no_place(tree: ConfigTree, root: str) -> None:
    ((code, problem),) = trusting(tree, f'root = "{root}"\n').problems()
    assert code is Code.CONFIG_VALUE
    assert f'found "{root}"; expected an absolute path, "public-good" or "none"' in problem


@pytest.mark.parametrize(
    "url",
    [
        "http://tuf.example.org",
        "ftp://tuf.example.org",
        "https://",
        "https://me:secret@tuf.example.org",
        "https://tuf.example.org/?a=b",
        "https://tuf.example.org/#a",
        "https://tuf.example.org/a b",
        "https://tuf.example.org:0",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
    ],
)
def test_an_address_that_is_refused(tree: ConfigTree, url: str) -> None:
    ((code, problem),) = trusting(tree, tuf(url)).problems()
    assert code is Code.CONFIG_VALUE
    assert "trust.tuf.url" in problem
    assert "secret" not in problem


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:8080", "localhost"])
def test_plain_http_to_this_host_is_warned_of(tree: ConfigTree, host: str) -> None:
    loaded = trusting(tree, tuf(f"http://{host}")).load()
    assert any("not encrypted" in warning for warning in warnings(loaded))


@pytest.mark.parametrize("name", ["../root.json", "a/b", "", ".hidden", "a?b", "x" * 200])
def test_a_target_is_one_plain_name(tree: ConfigTree, name: str) -> None:
    ((_, problem),) = trusting(tree, tuf(more=f'target = "{name}"')).problems()
    assert "trust.tuf.target" in problem


def test_a_first_root_that_is_not_there_is_warned_of(tree: ConfigTree) -> None:
    (warning,) = warnings(trusting(tree, tuf()).load())
    assert "trust.tuf.root: /etc/tidegate/root.json cannot be read (No such file" in warning

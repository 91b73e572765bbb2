"""What fetching may cost, from what a person writes to what the agent reckons with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.config_tree import MINIMAL, ConfigTree
from tidegate_agent.amounts import ByteCount, ByteRate, parse_size
from tidegate_agent.config import InvalidConfigError, explain, warnings

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    tree = ConfigTree(tmp_path)
    tree.put("usr", "agent.toml", MINIMAL)
    return tree


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1 B", 1),
        ("1kB", 1000),
        ("500 MB", 500_000_000),
        ("2 GiB", 2 * 2**30),
        ("1.5 GiB", 3 * 2**29),
        ("0.125 TiB", 2**37),
        (" 10 KiB ", 10240),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "1", "GiB", "1 gib", "1 Gb", "-1 GiB", "1,5 GiB", "1 kiB", "\u0661 B", "1e9 B"]
)
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@given(st.integers(1, 10**15))
def test_a_size_is_shown_as_it_can_be_read(size: int) -> None:
    assert parse_size(str(ByteCount(size))) == size
    assert str(ByteRate(size)) == f"{ByteCount(size)}/s"


def test_what_is_set_is_in_force_and_shown(tree: ConfigTree) -> None:
    tree.put(
        "etc",
        "agent.toml.d/50.toml",
        """
        [download]
        rate = "512 KiB/s"
        rate_in_window = "4 MiB/s"
        metered = "wait"
        budget = "1.5 GiB"
        budget_per = "day"
        [[window]]
        cron = "0 2 * * *"
        duration = "1h"
        """,
    )
    loaded = tree.load()
    download = loaded.settings.download
    assert (download.rate, download.rate_in_window) == (MIB // 2, 4 * MIB)
    assert download.budget == 1536 * MIB
    lines = "\n".join(explain(loaded))
    assert 'download.rate = "512 KiB/s"' in lines
    assert 'download.budget = "1536 MiB"' in lines
    assert not any("download" in warning for warning in warnings(loaded))


def test_nothing_is_bounded_by_default(tree: ConfigTree) -> None:
    download = tree.load().settings.download
    assert (download.rate, download.budget, download.metered) == (None, None, "allow")


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ('rate = "500 KiB"', 'found "500 KiB"; expected a rate of at least 1 KiB/s'),
        ('rate = "100 B/s"', "expected a rate of at least 1 KiB/s"),
        ("rate = 500", "expected a rate of at least 1 KiB/s"),
        ("budget = true", "expected a size such as"),
        ('budget = "0 B"', "expected a size such as"),
        ('budget = "2 GiB/s"', "expected a size such as"),
        ('rate_in_window = "1 MiB/s"', "expected a rate, too"),
        ('rate = "1 MiB/s"\nrate_in_window = "2 MiB/s"', "expected a [[window]] beside"),
        ('budget = "1 GiB"\nbudget_per = "window"', "expected a [[window]] beside"),
        ('budget_per = "week"', "'day', 'month' or 'window'"),
        ('metered = "deny"', "'allow' or 'wait'"),
    ],
)
def test_mistakes_are_told(tree: ConfigTree, lines: str, wrong: str) -> None:
    tree.put("etc", "agent.toml.d/50.toml", f"[download]\n{lines}\n")
    with pytest.raises(InvalidConfigError) as caught:
        tree.load()
    assert wrong in caught.value.reason


def test_a_rate_that_does_not_hold_for_a_follow_is_warned_of(tree: ConfigTree) -> None:
    tree.put(
        "etc",
        "agent.toml.d/50.toml",
        """
        [download]
        rate = "500 KiB/s"
        [[follow]]
        product = "os"
        channel = "beta"
        engine = "bootc"
        signers = [{ identity = "a@example.org", issuer = "https://issuer.example.org" }]
        """,
    )
    (warning,) = (each for each in warnings(tree.load()) if "download" in each)
    assert warning.startswith("os/beta: download.rate does not hold for it: bootc fetches by its own tool.")

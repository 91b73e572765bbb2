"""The account of all events: each exactly once, at both ends."""

from __future__ import annotations

import pytest

from tidegate_publisher.devstack.rollout_demo.sight import settle_account

ALL = {"a", "b", "c"}


def test_each_event_once_is_a_balance() -> None:
    account = settle_account(["a", "b", "c"], ALL, ALL)
    assert account.balanced
    assert (account.created, account.acknowledged, account.collected, account.distinct) == (3, 3, 3, 3)


@pytest.mark.parametrize(
    ("collected", "acknowledged", "missing", "strange"),
    [
        (["a", "b"], ALL, 1, 0),
        (["a", "b", "c", "c"], ALL, 0, 0),
        (["a", "b", "x"], ALL, 1, 1),
        (["a", "b", "c"], {"a", "b"}, 0, 0),
    ],
    ids=["one is missing", "one is there twice", "one is strange", "one is not acknowledged"],
)
def test_anything_else_is_none(
    collected: list[str], acknowledged: set[str], missing: int, strange: int
) -> None:
    account = settle_account(collected, ALL, acknowledged)
    assert not account.balanced
    assert (account.missing, account.strange) == (missing, strange)


def test_nothing_at_all_proves_nothing() -> None:
    assert not settle_account([], set(), set()).balanced

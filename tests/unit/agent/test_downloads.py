"""The account of what was fetched: never less than came, whatever ends when; and not much more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tidegate_agent.budget import Spending, out_of_budget
from tidegate_agent.downloads import STEP, Account, Budget, Tally
from tidegate_agent.model import StageProgress
from tidegate_agent.periods import Per, period_at
from tidegate_agent.update.states import WaitFor

GIB = 2**30
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
MARCH_END = APRIL - timedelta(minutes=1)
BUDGET = Budget(2 * GIB, Per.MONTH, partial(period_at, per=Per.MONTH, zone=ZoneInfo("UTC")))


def an_account(journal: FakeJournal, clock: FakeClock, size: int = 2 * GIB) -> Account:
    return Account(journal, clock.now, Budget(size, BUDGET.per, BUDGET.period))


def used(account: Account) -> int:
    return account.spending("", whole=False).used


@given(
    st.lists(st.one_of(st.integers(1, 3 * 10**6), st.sampled_from(["kill", "settle"])), max_size=60),
    st.integers(1000, 10**9),
)
def test_what_came_is_on_the_account_whatever_is_killed_when(steps: list[int | str], size: int) -> None:
    journal, clock = FakeJournal(), FakeClock(MARCH_END)
    account, came, kills = an_account(journal, clock, size), 0, 0
    for step in steps:
        if isinstance(step, int):
            account.count(step)
            came += step
        elif step == "settle":
            account.settle()
        else:
            kills += 1
            account = an_account(journal, clock, size)
        assert came <= journal.fetched("2026-03") <= came + (kills + 1) * min(STEP, size // 16)
    account.settle()
    assert came <= used(account) == journal.fetched("2026-03") <= came + kills * min(STEP, size // 16)


def test_the_journal_is_not_written_for_every_piece() -> None:
    journal, clock = FakeJournal(), FakeClock(MARCH_END)
    account = an_account(journal, clock)
    account.count(1)
    journal.broken = True
    account.count(STEP - 1)
    assert used(account) == journal.fetched("2026-03") == STEP


def test_a_disk_that_takes_nothing_does_not_make_the_budget_larger() -> None:
    journal, clock = FakeJournal(), FakeClock(MARCH_END)
    journal.broken = True
    account, told = an_account(journal, clock, 100), list[str]()
    account.watch(lambda: told.append("exhausted"))
    account.count(60)
    account.count(60)
    assert (used(account), told, journal.fetched("2026-03")) == (120, ["exhausted"], 0)
    journal.broken = False
    account.settle()
    assert journal.fetched("2026-03") == 120


def test_a_new_month_begins_at_nothing_and_an_old_one_is_remembered() -> None:
    journal, clock = FakeJournal(), FakeClock(MARCH_END)
    account = an_account(journal, clock)
    account.count(700)
    clock.set(APRIL)
    assert used(account) == 0
    account.count(30)
    account.settle()
    clock.set(MARCH_END)
    assert used(account) == 700
    account.settle()
    assert (journal.fetched("2026-03"), journal.fetched("2026-04")) == (700, 30)


def test_that_the_budget_is_used_up_is_told_once_for_each_time() -> None:
    clock, told = FakeClock(MARCH_END), list[str]()
    account = an_account(FakeJournal(), clock, 100)
    account.watch(lambda: told.append("exhausted"))
    for _ in range(5):
        account.count(40)
    assert told == ["exhausted"]
    clock.set(APRIL)
    account.count(100)
    assert told == ["exhausted"] * 2


def test_what_a_tool_tells_is_counted_once_and_its_whole_image_is_asked_for() -> None:
    journal, passed, told = FakeJournal(), list[StageProgress](), list[str]()
    account = an_account(journal, FakeClock(MARCH_END), 1000)
    account.watch(lambda: told.append("short"))
    account.count(500)
    tally = Tally(account, "sha256:a", by_tool=True, tell=passed.append)
    for at in (StageProgress(0, 0, 600), StageProgress(50, 300, 600), StageProgress(50, 200, 600)):
        tally(at)
    tally.fetched(450)
    assert used(account) == 950
    assert [at.percent for at in passed] == [0, 50, 50]
    assert told == ["short"]
    assert account.spending("sha256:a", whole=True).needs == 600
    assert account.spending("sha256:b", whole=True).needs == 0


def test_what_the_agent_itself_fetches_is_counted_where_it_comes() -> None:
    account = an_account(FakeJournal(), FakeClock(MARCH_END), 1000)
    Tally(account, "sha256:a", by_tool=False, tell=lambda _: None)(StageProgress(50, 300, 600))
    assert used(account) == 0
    assert account.spending("sha256:a", whole=False).needs == 300


USED_UP = "the 2 GiB that this month allows are used up"
TOO_MUCH = (
    "the image takes 5 GiB in one go, and a month allows 2 GiB: raise download.budget, "
    "or let it pass once by tidegate-agent approve --now"
)


@pytest.mark.parametrize(
    ("used", "needs", "whole", "text", "until"),
    [
        (0, 0, False, None, None),
        (1 * GIB, 5 * GIB, False, None, None),
        (2 * GIB - 1, 5 * GIB, False, None, None),
        (2 * GIB, 100, False, USED_UP, APRIL),
        (
            3 * GIB,
            5 * GIB,
            False,
            f"{USED_UP}; the image still takes 5 GiB, which comes over more than one month",
            APRIL,
        ),
        (1 * GIB, 1 * GIB, True, None, None),
        (
            1 * GIB + 1,
            1 * GIB,
            True,
            "the image takes 1 GiB in one go, and of this month's 2 GiB 1024 MiB are left",
            APRIL,
        ),
        (2 * GIB, 0, True, USED_UP, APRIL),
        (
            0,
            5 * GIB,
            True,
            TOO_MUCH,
            None,
        ),
    ],
)
def test_what_the_budget_says(
    used: int, needs: int, *, whole: bool, text: str | None, until: datetime | None
) -> None:
    wait = out_of_budget(Spending(used, 2 * GIB, Per.MONTH, APRIL, needs, whole))
    if text is None:
        assert wait is None
    else:
        assert wait is not None
        assert (wait.reason, wait.text, wait.until) == (WaitFor.BUDGET, text, until)

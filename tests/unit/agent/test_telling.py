"""What of a status is news, and how much of it."""

from __future__ import annotations

from datetime import timedelta

from tests.support.host_words import a_follow, says
from tests.support.statements import NOON
from tidegate_agent.telling import News, Telling

WAITS = a_follow(state="waiting", sequence=3)


def told() -> Telling:
    telling = Telling()
    telling.told(says(WAITS))
    return telling


def test_at_first_all_is_news_and_again_after_a_connection_was_made() -> None:
    telling = Telling()
    assert telling.news(says(WAITS)) is News.MORE
    telling = told()
    telling.anew()
    assert telling.news(says(WAITS)) is News.MORE


def test_another_moment_is_no_news() -> None:
    assert told().news(says(WAITS, at=NOON + timedelta(hours=1))) is News.NONE


def test_a_later_sequence_alone_is_news_that_can_wait() -> None:
    assert told().news(says(a_follow(state="waiting", sequence=4))) is News.SEQUENCE
    assert told().news(says(a_follow(state="staging", sequence=4))) is News.MORE
    assert told().news(says(WAITS, labels={"site": "kiel"})) is News.MORE


def test_what_is_told_is_numbered() -> None:
    telling = told()
    assert telling.numbered(says(WAITS)).revision == 2
    telling.anew()
    assert telling.numbered(says(WAITS)).revision == 2

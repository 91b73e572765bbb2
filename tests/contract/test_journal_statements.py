"""The messages behind updates: every journal keeps the newest few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.statements import digest_of
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.model import Follow
from tidegate_agent.records import MESSAGES, Change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Journal

FOLLOW, OTHER = Follow("os", "stable"), Follow("os", "beta")
A, B = digest_of("a"), digest_of("b")


@pytest.fixture(params=["sqlite", "fake"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = SqliteJournal(tmp_path / "journal.db") if request.param == "sqlite" else FakeJournal()
    yield made
    made.close()


def test_a_message_is_kept_as_it_came(journal: Journal) -> None:
    assert journal.message(FOLLOW, A) is None
    journal.commit(Change(FOLLOW, message=(A, b"\x00\xff{}")))
    assert journal.message(FOLLOW, A) == b"\x00\xff{}"
    assert (journal.message(FOLLOW, B), journal.message(OTHER, A)) == (None, None)


def test_the_newest_for_a_digest_counts(journal: Journal) -> None:
    for content in (b"1", b"2"):
        journal.commit(Change(FOLLOW, message=(A, content)))
    assert journal.message(FOLLOW, A) == b"2"


def test_only_the_newest_are_kept(journal: Journal) -> None:
    digests = [digest_of(letter) for letter in "abcdef"]
    journal.commit(Change(OTHER, message=(A, b"other")))
    for digest in digests:
        journal.commit(Change(FOLLOW, message=(digest, b"x")))
    kept = [digest for digest in digests if journal.message(FOLLOW, digest)]
    assert kept == digests[-MESSAGES:]
    assert journal.message(OTHER, A) == b"other"

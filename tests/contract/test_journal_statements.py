"""The messages behind updates: every journal keeps the newest few."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.statements import digest_of
from tests.support.updates import a_target, an_update
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.model import Follow
from tidegate_agent.records import MESSAGES, Change
from tidegate_agent.update.states import Outcome, Settled
from tidegate_schemas.rollout import Rollout, RolloutState

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


def keep(journal: Journal, sequence: int, state: RolloutState = RolloutState.ACTIVE) -> None:
    """Write down an update of A that a statement with this sequence began."""
    target = a_target(A, sequence=sequence, rollout=Rollout(seed="s", state=state))
    journal.commit(Change(FOLLOW, state=Settled(replace(an_update(A), target=target), Outcome.SUCCEEDED)))


@pytest.mark.parametrize("state", [RolloutState.HELD, RolloutState.REVOKED])
def test_what_stops_an_image_does_not_make_it_newer(journal: Journal, state: RolloutState) -> None:
    keep(journal, 3)
    keep(journal, 9, state)
    kept = journal.target(FOLLOW, A)
    assert kept is not None
    assert (kept.sequence, kept.rollout.state) == (3, RolloutState.ACTIVE)
    keep(journal, 10)
    kept = journal.target(FOLLOW, A)
    assert kept is not None
    assert kept.sequence == 10

"""How often a request is heard and answered: again where the host was at fault, once where it was not."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.requests import a_request
from tests.support.rig import Rig
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.refusals import TOLD
from tidegate_agent.request_inbox import ALLOWED
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.second_hearing import AT_ONCE, PAUSES
from tidegate_schemas.codes import Code
from tidegate_schemas.requests import Action

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Journal
    from tidegate_agent.records import Change

LATE = timedelta(hours=3)


class CountingJournal(FakeJournal):
    """Counts what is written: what costs a flash its life."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def commit(self, change: Change) -> None:
        self.writes += 1
        super().commit(change)


@pytest.fixture(params=["fake", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = FakeJournal() if request.param == "fake" else SqliteJournal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def rig(journal: Journal) -> Rig:
    return Rig(journal=journal, requests=RequestPolicy())


def outcomes(rig: Rig) -> list[tuple[str, Code | None]]:
    return [(event.data.details["outcome"], event.data.code) for event in rig.answers()]


def held(rig: Rig) -> bool:
    return rig.status().follows[0].hold is not None


def doubtful(rig: Rig, code: Code = Code.VERIFY_FAILED, action: Action = Action.HOLD) -> bytes:
    """Send a genuine request that the verifier gives no verdict on."""
    message = rig.verifier.sign(a_request(action, issued_at=rig.clock.now()).to_json())
    rig.verifier.refuse(message, code, "not now")
    rig.send(message)
    return message


# Where the host was at fault


@pytest.mark.parametrize("code", [Code.VERIFY_FAILED, Code.TRUST_ROOT_MISSING])
@pytest.mark.parametrize("hearing", range(len(PAUSES)))
def test_a_request_without_a_verdict_is_heard_again(rig: Rig, code: Code, hearing: int) -> None:
    message = doubtful(rig, code)
    for pause in PAUSES[:hearing]:
        rig.advance(pause)
    assert (outcomes(rig), held(rig), rig.journal.kept()) == ([], False, [message])
    rig.verifier.relent(message)
    rig.advance(PAUSES[hearing])
    assert (outcomes(rig), held(rig), rig.journal.kept()) == ([("done", None)], True, [])


def test_after_the_last_hearing_the_refusal_is_the_answer(rig: Rig) -> None:
    message = doubtful(rig)
    for pause in PAUSES:
        rig.advance(pause)
    assert (outcomes(rig), rig.journal.kept()) == ([("refused", Code.VERIFY_FAILED)], [])
    rig.verifier.relent(message)
    rig.advance(timedelta(hours=1))
    assert (len(rig.answers()), held(rig)) == (1, False)


def test_a_fault_of_the_verifier_is_no_verdict(rig: Rig) -> None:
    def fault() -> None:
        raise ValueError("broken")

    rig.verifier.meanwhile_request = fault
    rig.request("hold")
    assert outcomes(rig) == []
    rig.verifier.meanwhile_request = lambda: None
    rig.request("recheck")
    assert outcomes(rig) == [("done", None)], "others do not wait for it"
    rig.advance(PAUSES[0])
    assert held(rig)


def test_power_fails_while_a_request_is_put_off(rig: Rig) -> None:
    message = doubtful(rig)
    rig.verifier.relent(message)
    rig.restart()
    assert (outcomes(rig), held(rig), rig.journal.kept()) == ([("done", None)], True, [])


def test_copies_are_not_heard_besides(rig: Rig) -> None:
    message = doubtful(rig)
    heard: list[int] = []
    rig.verifier.meanwhile_request = lambda: heard.append(1)
    rig.send(message)
    rig.advance(PAUSES[0])
    assert len(heard) == 1


def test_a_refusal_for_good_is_told_at_once(rig: Rig) -> None:
    doubtful(rig, Code.SIGNATURE_ROOT)
    assert outcomes(rig) == [("refused", Code.SIGNATURE_ROOT)]


def test_whoever_makes_the_verifier_fail_does_not_fill_the_inbox(rig: Rig) -> None:
    for _ in range(AT_ONCE + 1):
        doubtful(rig)
    assert outcomes(rig) == [("refused", Code.VERIFY_FAILED)]
    assert len(rig.journal.kept()) == AT_ONCE
    for pause in PAUSES:
        rig.advance(pause)
    assert (len(rig.answers()), rig.journal.kept()) == (AT_ONCE + 1, [])
    doubtful(rig)
    assert len(rig.journal.kept()) == 1, "there is room again"


def test_the_disk_fails_at_the_last_hearing() -> None:
    journal = FakeJournal()
    rig = Rig(journal=journal, requests=RequestPolicy())
    doubtful(rig)
    for pause in PAUSES[:-1]:
        rig.advance(pause)
    journal.broken = True
    rig.advance(PAUSES[-1])
    journal.broken = False
    rig.advance(timedelta(minutes=1))
    assert (outcomes(rig), journal.kept()) == ([("refused", Code.VERIFY_FAILED)], [])


# Where it was not


def expired(rig: Rig, copies: int) -> None:
    """One genuine request of yesterday, in so many envelopes."""
    request = a_request(Action.HOLD, issued_at=rig.clock.now() - LATE)
    for _ in range(copies):
        rig.send(rig.verifier.sign(request.to_json()))


def test_an_expired_request_in_other_envelopes_is_answered_once(rig: Rig) -> None:
    expired(rig, 200)
    assert outcomes(rig) == [("refused", Code.REQUEST_EXPIRED)]
    assert rig.journal.kept() == []


def test_an_expired_request_in_other_envelopes_is_not_written_without_end() -> None:
    journal = CountingJournal()
    rig = Rig(journal=journal, requests=RequestPolicy())
    before = journal.writes
    expired(rig, ALLOWED)
    # Each was on disk, and has to leave it.
    assert journal.writes - before == ALLOWED
    before = journal.writes
    expired(rig, 10)
    assert journal.writes - before == 1, "another one has its answer"
    rig.request("hold")
    assert held(rig)


def test_expired_requests_are_told_up_to_a_limit(rig: Rig) -> None:
    for _ in range(TOLD + 10):
        expired(rig, 1)
    assert len(rig.answers()) == TOLD
    assert rig.journal.kept() == []
    rig.advance(timedelta(hours=1))
    expired(rig, 1)
    assert len(rig.answers()) == TOLD + 1


def test_a_request_from_the_future_counts_when_its_time_has_come(rig: Rig) -> None:
    request = a_request(Action.HOLD, issued_at=rig.clock.now() + timedelta(minutes=30))
    rig.send(rig.verifier.sign(request.to_json()))
    rig.advance(timedelta(minutes=30))
    rig.send(rig.verifier.sign(request.to_json()))
    assert outcomes(rig) == [("refused", Code.REQUEST_EXPIRED), ("done", None)]
    assert held(rig)

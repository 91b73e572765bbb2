"""A stolen signer drives a channel's sequence up; an operator takes hosts back, and nothing older returns."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.journal import FakeJournal
from tests.support.rig import FOLLOW, HOST, Rig
from tests.support.updates import NEW, NEWER, OLD
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.manners import Manners
from tidegate_agent.model import Follow, ImageStatus
from tidegate_agent.requests import RequestPolicy
from tidegate_agent.windows import Schedule, Window
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.ports import Journal

BETA = Follow("app", "beta")
FAR = 900_000
HELD = Rollout(seed="seed", state=RolloutState.HELD)
NIGHT = Manners(Schedule((Window("0 2 * * *", timedelta(hours=2), ZoneInfo("UTC")),)))


@pytest.fixture(params=["fake", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    made: Journal = FakeJournal() if request.param == "fake" else SqliteJournal(tmp_path / "journal.db")
    yield made
    made.close()


@pytest.fixture
def rig(journal: Journal) -> Rig:
    return Rig(journal=journal, requests=RequestPolicy())


def reset(rig: Rig, sequence: int = 5, **changes: Any) -> bytes:
    """A minute later, so that it is signed after all that was accepted; the message."""
    rig.advance(timedelta(minutes=1))
    return rig.request("reset", **{"product": "os", "channel": "stable", "sequence": sequence, **changes})


def theft(rig: Rig, **changes: Any) -> bytes:
    """Honest sequence 5, then the thief's; his message, from which his identity is taken away."""
    rig.announce(NEW, sequence=5)
    message = rig.announce(NEWER, **{"sequence": FAR, "floor": FAR, **changes})
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
    return message


def outcome(rig: Rig) -> tuple[str, Code | None]:
    """Of the newest answer."""
    data = rig.answers()[-1].data
    return data.details["outcome"], data.code


def refusals(rig: Rig) -> list[Code | None]:
    """Of messages on the channel, in order."""
    return [each.data.code for each in rig.events() if each.id.startswith(f"{HOST}/os/stable/refused/")]


def test_honest_statements_count_again(rig: Rig) -> None:
    theft(rig)
    rig.announce(NEW, sequence=6)
    assert (rig.image.status().current, refusals(rig)[-1]) == (NEWER, Code.STATEMENT_ROLLBACK)
    reset(rig)
    assert outcome(rig) == ("done", None)
    # What the channel holds is judged anew at once: nobody has to announce it again.
    assert (rig.image.status().current, rig.status().follows[0].sequence) == (NEW, 6)


def test_the_answer_says_from_what_to_what(rig: Rig) -> None:
    theft(rig)
    reset(rig, nonce="n" * 22)
    [answer] = rig.answers()
    assert answer.data.reason == "os/stable: from sequence 900000 to 5, floor from 900000 to 5"
    assert answer.data.details == {
        "action": "reset",
        "nonce": "n" * 22,
        "signer": "https://ci.example/os/release",
        "outcome": "done",
        "from": "900000",
        "to": "5",
    }


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("sequence", "code"),
    [
        (4, Code.STATEMENT_ROLLBACK),
        (5, Code.STATEMENT_ROLLBACK),
        (6, None),
        (2_000_000, Code.STATEMENT_FAST_FORWARD),
    ],
)
def test_only_what_is_above_it_counts(rig: Rig, sequence: int, code: Code | None, *, restarts: bool) -> None:
    theft(rig)
    reset(rig)
    if restarts:
        rig.restart()
    rig.announce(NEW, sequence=sequence)
    assert rig.image.status().current == (NEW if code is None else NEWER)
    assert refusals(rig)[-1] is (code or Code.SIGNATURE_IDENTITY)


def test_the_honest_statement_that_was_accepted_before_is_not_taken_up_again(rig: Rig) -> None:
    honest = rig.announce(NEW, sequence=5)
    theft(rig)
    reset(rig)
    rig.say(honest)
    assert (rig.image.status().current, refusals(rig)[-1]) == (NEWER, Code.STATEMENT_ROLLBACK)


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarted"])
def test_the_thief_has_no_second_try(rig: Rig, *, restarts: bool) -> None:
    message = theft(rig)
    reset(rig)
    if restarts:
        rig.restart()
    rig.say(message)
    more = rig.announce(NEWER, sequence=FAR + 1, settle=False)
    rig.verifier.refuse(more, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
    rig.settle()
    assert rig.journal.recall(FOLLOW).memory.sequence == 5
    assert refusals(rig)[-1] is Code.SIGNATURE_IDENTITY


def test_a_thief_who_is_still_trusted_is_back_at_once(rig: Rig) -> None:
    """Why he has to be taken out of the policy first."""
    rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=FAR)
    reset(rig)
    assert (outcome(rig), rig.journal.recall(FOLLOW).memory.sequence) == (("done", None), FAR)


def test_what_the_channel_held_before_is_not_judged_from_memory(rig: Rig) -> None:
    """Only what the broker has now counts."""
    rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=FAR)
    rig.say(b"rubbish")
    reset(rig)
    rig.request("recheck")
    assert rig.journal.recall(FOLLOW).memory.sequence == 5


def test_a_replay_of_the_reset_is_refused(rig: Rig) -> None:
    theft(rig)
    message = reset(rig)
    rig.announce(NEW, sequence=6)
    for _ in range(2):
        rig.restart()
        rig.send(message)
        assert outcome(rig) == ("refused", Code.REQUEST_REPLAYED)
    assert rig.journal.recall(FOLLOW).memory.sequence == 6


def test_a_reset_that_was_held_back_is_too_late_once_the_channel_goes_on(rig: Rig) -> None:
    """Else whoever delays messages could have an older release with the newer one's reset."""
    theft(rig)
    said = rig.clock.now() + timedelta(seconds=1)
    reset(rig)
    rig.announce(NEW, sequence=6)
    rig.announce(NEW, sequence=7)
    reset(rig, issued_at=said)
    assert outcome(rig) == ("refused", Code.REQUEST_OVERTAKEN)
    assert rig.journal.recall(FOLLOW).memory.sequence == 7


@pytest.mark.parametrize("sequence", [FAR, FAR + 1])
def test_it_goes_back_and_never_ahead(rig: Rig, sequence: int) -> None:
    theft(rig)
    reset(rig, sequence)
    assert outcome(rig) == ("refused", Code.REQUEST_POINTLESS)
    assert rig.journal.recall(FOLLOW).memory.sequence == FAR


def test_another_follow_is_left_alone(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), follows=(FOLLOW, BETA))
    message = rig.announce(NEW, follow=BETA, sequence=9)
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
    theft(rig)

    def known() -> list[int]:
        return [rig.journal.recall(follow).memory.sequence for follow in (FOLLOW, BETA)]

    reset(rig)
    assert known() == [5, 9]
    reset(rig, 3, product="app", channel="beta")
    assert known() == [5, 3]
    reset(rig, 1, product="app", channel="nightly")
    assert (outcome(rig), known()) == (("refused", Code.REQUEST_POINTLESS), [5, 3])


def test_a_floor_that_was_driven_up_is_no_bar_any_more(rig: Rig) -> None:
    theft(rig)
    reset(rig)
    rig.announce(OLD, sequence=6)
    rig.announce(NEW, sequence=7)
    rig.request("rollback", digest=OLD)
    assert (outcome(rig), rig.image.status().current) == (("begun", None), OLD)


def test_an_honest_floor_stays(rig: Rig) -> None:
    rig.announce(NEW, sequence=3, floor=3)
    rig.announce(NEWER, sequence=FAR)
    reset(rig, 5)
    memory = rig.journal.recall(FOLLOW).memory
    assert (memory.floor, memory.resets) == (3, 1)


# What is in progress


@pytest.mark.parametrize("manners", [NIGHT, Manners(Schedule())], ids=["staged", "waiting"])
def test_an_update_to_what_is_above_it_ends(journal: Journal, manners: Manners) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), manners=manners)
    theft(rig, rollout=HELD) if manners is not NIGHT else theft(rig)
    before = rig.status().follows[0]
    assert before.state == ("staged" if manners is NIGHT else "waiting")
    reset(rig, reason="a stolen signer")
    after = rig.status().follows[0]
    assert (after.state, after.code, after.staged) == ("cancelled", Code.UPDATE_RESET, None)
    assert after.reason == "https://ci.example/os/release asked for it: a stolen signer"
    rig.restart()
    rig.advance(timedelta(hours=16))
    assert rig.image.status().current != NEWER


def test_staging_ends(rig: Rig) -> None:
    rig.announce(NEW, sequence=5)
    message = rig.announce(NEWER, sequence=FAR, settle=False)
    states: list[str] = []

    def halfway() -> None:
        states.append(rig.status().follows[0].state)
        rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
        reset(rig)

    rig.image.halfway = halfway
    rig.settle()
    assert states == ["staging"]
    assert rig.status().follows[0].code is Code.UPDATE_RESET
    assert (rig.image.status().current, rig.image.status().staged) == (NEW, None)


def test_an_update_to_what_is_not_above_it_goes_on(journal: Journal) -> None:
    """It was under way when the thief's statement came, and its reboot was lost."""
    rig = Rig(journal=journal, requests=RequestPolicy(), reboots=True)
    rig.announce(NEW, sequence=6)
    message = rig.announce(NEWER, sequence=FAR)
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
    rig.request("hold")
    rig.image.reboot(ImageStatus(OLD, None, None))
    rig.restart(boot=True)
    assert rig.status().follows[0].state == "waiting"
    reset(rig, 6)
    assert (outcome(rig), rig.status().follows[0].state) == (("done", None), "waiting")
    rig.request("resume")
    assert (rig.status().follows[0].state, rig.status().follows[0].target) == ("rebooting", NEW)


def test_past_activation_it_is_refused(journal: Journal) -> None:
    rig = Rig(journal=journal, requests=RequestPolicy(), reboots=True)
    message = rig.announce(NEWER, sequence=FAR)
    assert rig.status().follows[0].state == "rebooting"
    reset(rig)
    assert outcome(rig) == ("refused", Code.REQUEST_POINTLESS)
    assert rig.journal.recall(FOLLOW).memory.sequence == FAR
    rig.verifier.refuse(message, Code.SIGNATURE_IDENTITY, "the policy does not name him any more")
    rig.restart(boot=True)
    assert rig.status().follows[0].state == "succeeded"
    reset(rig)
    assert (outcome(rig), rig.journal.recall(FOLLOW).memory.sequence) == (("done", None), 5)


# What is told


def test_sequences_that_come_a_second_time_have_events_of_their_own(rig: Rig) -> None:
    """The thief's first step may well have been the sequence that the next honest release has."""
    rig.announce(NEW, sequence=5)
    rig.announce(NEWER, sequence=6)
    theft(rig)
    reset(rig)
    before = len(rig.events())
    rig.announce(NEW, sequence=6)
    new = [each.id for each in rig.events()[before:]]
    assert f"{HOST}/os/stable/6~1/2/succeeded" in new
    assert len(set(new)) == len(new)


def test_a_host_that_hears_nothing_newer_is_stale(rig: Rig) -> None:
    theft(rig)
    reset(rig)
    status = rig.status().follows[0]
    assert (status.sequence, status.stale_since) == (5, rig.clock.now())
    stale = [each for each in rig.events() if each.data.step is Step.STALE]
    assert [each.data.reason for each in stale] == [
        "the channel was reset to sequence 5, and no newer statement has come yet"
    ]
    rig.announce(NEW, sequence=6)
    assert rig.status().follows[0].stale_since is None


# Faults


def test_power_fails_before_it_is_judged(rig: Rig) -> None:
    theft(rig)
    rig.clock.advance(timedelta(minutes=1))
    rig.request("reset", settle=False, sequence=5)
    rig.restart()
    assert rig.journal.recall(FOLLOW).memory.sequence == 5
    rig.restart()
    assert rig.journal.recall(FOLLOW).memory.resets == 1


def test_the_disk_fails_in_the_middle() -> None:
    """Nothing has been done then, to the update in progress neither; all of it is when the disk is back."""
    journal = FakeJournal()
    rig = Rig(journal=journal, requests=RequestPolicy(), manners=NIGHT)
    theft(rig)
    rig.verifier.meanwhile_request = lambda: setattr(journal, "broken", True)
    reset(rig)
    assert (rig.answers(), rig.status().follows[0].state) == ([], "staged")
    assert journal.recall(FOLLOW).memory.sequence == FAR
    journal.broken = False
    rig.advance(timedelta(minutes=1))
    assert (outcome(rig), rig.status().follows[0].code) == (("done", None), Code.UPDATE_RESET)
    memory = journal.recall(FOLLOW).memory
    assert (memory.sequence, memory.resets) == (5, 1)

"""A journal in memory: the same contract, gone with the process.

`broken` makes every write fail, `unreadable` every question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_agent.errors import JournalError
from tidegate_agent.machine import update_of
from tidegate_agent.records import (
    INBOX,
    MESSAGES,
    QUARANTINED,
    RELEASES,
    Approval,
    Change,
    Damage,
    Decided,
    Hold,
    Ledger,
    Letter,
    Life,
    Recollection,
    Snooze,
)
from tidegate_agent.thinning import AT_ONCE, ENOUGH, gist, superfluous
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tidegate_agent.model import Failure, Follow
    from tidegate_agent.update.states import State, Target
    from tidegate_schemas.events import UpdateEvent


class FakeJournal:
    """Obeys tests/contract/test_journal.py."""

    def __init__(self) -> None:
        self.broken = False
        self.unreadable = False
        self.damaged: Damage | None = None
        self._starts = self._ended = 0
        self._follows: dict[Follow, Recollection] = {}
        self._events: list[UpdateEvent] = []
        self._sent: set[int] = set()
        self._dropped: set[int] = set()
        self._look_at = ENOUGH
        self._tries: dict[tuple[Follow, str], int] = {}
        self._targets: dict[tuple[Follow, str], Target] = {}
        self._quarantine: dict[Follow, dict[str, Failure]] = {}
        self._messages: dict[Follow, dict[str, bytes]] = {}
        self._approvals: dict[Follow, Approval] = {}
        self._snoozes: dict[Follow, Snooze] = {}
        self._floor: datetime | None = None
        self._holds: dict[Follow, Hold] = {}
        self._inbox: dict[str, bytes] = {}
        self._fetched: dict[str, int] = {}
        self._ledger = Ledger()

    def begin(self) -> Life:
        crashed, self._ended = self._ended != self._starts, self._starts
        self._starts += 1
        return Life(self._starts, crashed)

    def end(self) -> None:
        if self.broken:
            raise JournalError(Code.DISK_IO, "the journal cannot be used: broken")
        self._ended = self._starts

    def recall(self, follow: Follow) -> Recollection:
        return self._follows.get(follow, Recollection())

    def commit(self, change: Change) -> None:
        if self.broken:
            raise JournalError(Code.DISK_FULL, "the journal cannot be used: the test said so")
        known = {event.id for token, event in enumerate(self._events, start=1) if token not in self._dropped}
        self._events += [event for event in change.events if event.id not in known]
        if change.events:
            self._thin()
        if change.damage_told:
            self.damaged = None
        if change.follow is not None:
            self._write_follow(change.follow, change)
        self._holds.update(change.holds)
        if change.decided is not None:
            self._decide(change.decided)
        if change.fetched is not None:
            period = change.fetched.period
            self._fetched[period] = max(0, self._fetched.get(period, 0) + change.fetched.size)
        floors = [floor for floor in (self._floor, change.clock_floor) if floor is not None]
        self._floor = max(floors, default=None)

    def _write_follow(self, follow: Follow, change: Change) -> None:
        kept = self.recall(follow)
        if change.state is not None:
            kept = replace(kept, state=change.state)
            self._remember(follow, change.state)
        if change.memory is not None:
            kept = replace(kept, memory=change.memory)
        if change.installed_sequence is not None:
            kept = replace(kept, installed_sequence=change.installed_sequence)
        self._follows[follow] = kept
        self._give_up(follow, change)
        if change.approval is not None:
            self._approvals[follow] = change.approval
        if change.snooze is not None:
            self._snoozes[follow] = change.snooze
        if change.message is not None:
            digest, content = change.message
            others = {key: each for key, each in self._messages.get(follow, {}).items() if key != digest}
            self._messages[follow] = dict(list({**others, digest: content}.items())[-MESSAGES:])

    def _give_up(self, follow: Follow, change: Change) -> None:
        given_up = self._quarantine.setdefault(follow, {})
        for digest, failure in change.quarantine:
            given_up.pop(digest, None)
            given_up[digest] = failure
        kept = list(given_up.items())[-QUARANTINED:]
        self._quarantine[follow] = {digest: why for digest, why in kept if digest not in change.pardon}

    def _remember(self, follow: Follow, state: State) -> None:
        if (update := update_of(state)) is None:
            return
        key = follow, update.target.digest
        is_new = key not in self._tries
        self._tries[key] = max(self._tries.get(key, 0), update.attempt)
        if update.target.rollout.state is RolloutState.ACTIVE or key not in self._targets:
            self._targets[key] = update.target
        if is_new:
            self._prune(follow, {update.target.digest, update.previous, update.beside})

    def _prune(self, follow: Follow, kept: set[str | None]) -> None:
        known = [digest for of, digest in self._tries if of == follow]
        given_up = self._quarantine.get(follow, {})
        for digest in known[:-RELEASES]:
            if digest not in kept and digest not in given_up:
                del self._tries[follow, digest]
                del self._targets[follow, digest]

    def _decide(self, decided: Decided) -> None:
        self._inbox.pop(decided.message, None)
        if decided.spent is None:
            return
        spent, now = dict(self._ledger.spent), decided.spent.now
        over = [end for end in spent.values() if end <= now]
        closed = max([*over, *filter(None, [self._ledger.closed_until])], default=None)
        left = {nonce: end for nonce, end in spent.items() if end > now}
        self._ledger = Ledger({**left, decided.spent.nonce: decided.spent.expires}, closed)

    def unsent(self, limit: int, after: int = 0) -> Sequence[Letter]:
        self._read()
        return [each for each in self._waiting() if each.token > after][:limit]

    def _waiting(self) -> list[Letter]:
        gone = self._sent | self._dropped
        letters = enumerate(self._events, start=1)
        return [Letter(token, event) for token, event in letters if token not in gone]

    def _thin(self) -> None:
        waiting = self._waiting()
        if len(waiting) > self._look_at:
            gone = superfluous([gist(each.token, each.event.data) for each in waiting], len(waiting))
            self._dropped.update(gone)
            self._look_at = max(ENOUGH, len(waiting) - len(gone) + AT_ONCE)

    def waiting(self) -> int:
        self._read()
        return len(self._waiting())

    def dropped(self) -> int:
        return len(self._dropped)

    def sent(self, token: int) -> None:
        self._sent.add(token)

    def history(self, limit: int) -> Sequence[UpdateEvent]:
        kept = [event for token, event in enumerate(self._events, start=1) if token not in self._dropped]
        return kept[::-1][:limit]

    def quarantined(self, follow: Follow) -> dict[str, Failure]:
        self._read()
        return dict(self._quarantine.get(follow, {}))

    def message(self, follow: Follow, digest: str) -> bytes | None:
        self._read()
        return self._messages.get(follow, {}).get(digest)

    def attempts(self, follow: Follow, digest: str) -> int:
        self._read()
        return self._tries.get((follow, digest), 0)

    def target(self, follow: Follow, digest: str) -> Target | None:
        return self._targets.get((follow, digest))

    def approval(self, follow: Follow) -> Approval | None:
        self._read()
        return self._approvals.get(follow)

    def snooze(self, follow: Follow) -> Snooze | None:
        self._read()
        return self._snoozes.get(follow)

    def hold(self, follow: Follow) -> Hold | None:
        self._read()
        return self._holds.get(follow)

    def keep(self, name: str, message: bytes) -> bool:
        if self.broken:
            raise JournalError(Code.DISK_FULL, "the journal cannot be used: the test said so")
        if len(self._inbox) < INBOX:
            self._inbox.setdefault(name, message)
        return name in self._inbox

    def kept(self) -> Sequence[bytes]:
        self._read()
        return list(self._inbox.values())

    def ledger(self) -> Ledger:
        self._read()
        return self._ledger

    def fetched(self, period: str) -> int:
        self._read()
        return self._fetched.get(period, 0)

    def clock_floor(self) -> datetime | None:
        self._read()
        return self._floor

    def _read(self) -> None:
        if self.unreadable:
            raise JournalError(Code.DISK_IO, "the journal cannot be read: the test said so")

    def damage(self) -> Damage | None:
        return self.damaged

    def close(self) -> None:
        """Nothing to release."""

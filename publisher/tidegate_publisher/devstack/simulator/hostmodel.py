"""One simulated host: a message, a moment or a boot in; events out. PURE, and in the agent's order of things.

It has no clock, socket or file. Whoever drives it calls `hear` for each message, `tick` when `due` has come,
and looks at `powered` after each: a host without power has no connection. What it does once it has taken a
release up is in `course`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.simulator import judging, telling
from tidegate_publisher.devstack.simulator.course import Course, Told
from tidegate_publisher.devstack.simulator.progress import Failure, Stage, Update
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.simulator.letters import Letter
    from tidegate_publisher.devstack.simulator.profile import Profile
    from tidegate_schemas.statement import ChannelStatement

_MAY_PASS: Final = frozenset(
    {Code.STATEMENT_EXPIRED, Code.STATEMENT_NOT_YET_VALID, Code.TRUST_ROOT_MISSING, Code.VERIFY_FAILED}
)
_SEEN: Final = 512
_AFTER_A_DOUBT: Final = timedelta(minutes=10)


class HostModel(Course):
    """See the module's docstring.

    Args:
        profile: what it is like.
        channel: the one product and channel that it follows.

    Attributes:
        refused: messages refused since the start.
        asks: whether it wants what is retained once more; whoever asks for it sets this back.
    """

    def __init__(self, profile: Profile, channel: tuple[str, str]) -> None:
        super().__init__(profile, channel)
        self.refused = 0
        self.asks = False
        self._doubt_ends: datetime | None = None
        self._seen: dict[str, None] = {}
        self._standing: Letter | None = None
        self._set_aside = False
        self._told_stale: datetime | None = None

    # What comes from outside

    def hear(self, letter: Letter, now: datetime) -> Told:
        """A message came on the channel's topic, with the verdict on it."""
        if not self.powered or letter.name in self._seen:
            return []
        self._seen[letter.name] = None
        if len(self._seen) > _SEEN:
            self._seen.pop(next(iter(self._seen)))
        return self._decide(letter, now)

    def tick(self, now: datetime) -> Told:
        """Do what is due."""
        told = self._stale(now)
        if self._doubt_ends is not None and self._doubt_ends <= now:
            self._doubt_ends, self.asks = None, True
        if self.due is None or self.due > now:
            return told
        self.due = None
        if self._lost:
            return told
        if not self.powered:
            return told + self.boot(now)
        return told + self._go_on(now)

    def boot(self, now: datetime) -> Told:
        """The host comes up: after a reboot of its own, or after its power was cut."""
        self.start += 1
        self.boots += 1
        self.powered = True
        self.due = None
        self.refused = 0
        # The agent's letter box is memory: what is retained is heard anew.
        self._seen.clear()
        self._standing, self._doubt_ends = None, None
        return self._resume(now)

    def next_due(self) -> datetime | None:
        """When `tick` has something to do: the next step, the end of a doubt or of the newest statement."""
        others = (self._stale_at(), self._doubt_ends) if self.powered else ()
        return min((each for each in (self.due, *others) if each is not None), default=None)

    # Statements

    def _decide(self, letter: Letter, now: datetime) -> Told:
        statement = letter.statement
        if statement is None:
            return self._refuse(letter, letter.failure or Failure(Code.VERIFY_FAILED, "no verdict"), now)
        try:
            memory = judging.admit(
                statement.predicate, letter.fingerprint, self.memory, now, enough=letter.enough
            )
        except TidegateError as error:
            details = {"signer": letter.signer, "issuer": letter.issuer}
            return self._refuse(letter, Failure(error.code, error.reason, details), now)
        known = letter.fingerprint == self.memory.accepted and self._is_about(statement.digest)
        self._stand(letter)
        if known:
            return []
        self.memory = memory
        if self.stage.committed:
            self._set_aside = True
            return []
        return self._admit(statement, now)

    def _refuse(self, letter: Letter, failure: Failure, now: datetime) -> Told:
        self.refused += 1
        if failure.code in _MAY_PASS:
            self._seen.pop(letter.name, None)
            # It may be this host's clock that is wrong: a while later it is heard again.
            self._doubt_ends = self._doubt_ends or now + _AFTER_A_DOUBT
        return [telling.refusal_event(self, letter, failure, now)]

    def _stand(self, letter: Letter) -> None:
        """The channel stands at this message; the one before is a replay if it comes again."""
        if self._standing is not None and self._standing.name != letter.name:
            self._seen.pop(self._standing.name, None)
        self._standing = letter

    def _admit(self, statement: ChannelStatement, now: datetime) -> Told:
        update = self.update
        if self.stage in {Stage.IDLE, Stage.SETTLED} or update is None:
            return self._begin(statement, now)
        if update.digest == statement.digest:
            return self._refresh(update, statement, now)
        ended = self._settle(
            Step.SUPERSEDED,
            now,
            Failure(Code.UPDATE_SUPERSEDED, f"sequence {statement.predicate.sequence} took its place"),
        )
        self.images.staged = None
        return ended + self._begin(statement, now)

    def _begin(self, statement: ChannelStatement, now: datetime) -> Told:
        digest, before = statement.digest, self.update
        about = self._is_about(digest)
        update = Update(statement, self._tries.get(digest, 0) + 1, self.images.current)
        unfit = self._unfit(statement)
        revoked = statement.predicate.rollout.state is RolloutState.REVOKED
        running = self.images.current == digest
        if about and before is not None and (running or revoked or unfit is not None):
            # A heartbeat for what this host is through with is no news.
            before.target = statement
            return []
        self.update, self._before = update, self._installed
        if running and (unfit is None or unfit.code is not Code.IMAGE_QUARANTINED):
            return self._settle(Step.SUCCEEDED, now)
        if revoked and not running:
            return self._settle(Step.CANCELLED, now, _REVOKED)
        if unfit is not None:
            return self._settle(Step.REJECTED, now, unfit)
        self._note(update)
        self.stage, self.wait = Stage.WAITING, None
        update.marks.append((Step.ACCEPTED, now))
        return [telling.update_event(self, update, Step.ACCEPTED, now), *self._assess(now)]

    def _refresh(self, update: Update, statement: ChannelStatement, now: datetime) -> Told:
        """A newer statement of the same image: a heartbeat, a promotion, a hold or its end, a withdrawal."""
        update.target = statement
        self._note(update)
        if statement.predicate.rollout.state is RolloutState.REVOKED:
            return self._abandon(Step.CANCELLED, now, _REVOKED)
        if (unfit := self._unfit(statement)) is not None:
            return self._abandon(Step.REJECTED, now, unfit)
        return [] if self.stage is Stage.STAGING else self._assess(now)

    def _recheck(self, now: datetime) -> Told:
        """Look again at what was announced while nothing could supersede."""
        if not self._set_aside or self._standing is None:
            return []
        self._set_aside = False
        return self._decide(self._standing, now)

    # The end of the newest statement

    def _stale_at(self) -> datetime | None:
        expires = self.memory.expires
        return None if expires is None or self._told_stale == expires else expires

    def _stale(self, now: datetime) -> Told:
        at = self._stale_at()
        if at is None or at > now or not self.powered:
            return []
        self._told_stale = at
        return [telling.stale_event(self, now)]


_REVOKED: Final = Failure(Code.ROLLOUT_REVOKED, "the publisher withdrew this release")

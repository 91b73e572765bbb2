"""A run: listens, decides, acts, until the release is where it shall be.

Its memory is the retained statement and what hosts say: whoever starts it again with the same run id goes on
where it was. Nothing is decided while the broker is away, and after each connection not before what is
retained there was heard.

The one class keeps together what has to agree at any moment: what the channel holds, what we announced, and
whether that was heard; hence its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_fleet.hosts import Fleet
from tidegate_publisher.durations import format_duration
from tidegate_publisher.foundation import usable
from tidegate_publisher.rollout.beginning import first_rollout, require_unclaimed, wanted_digest
from tidegate_publisher.rollout.decision import Moment, decide
from tidegate_publisher.rollout.decisions import AskApproval, Finished, Hold, Outcome, Revoke, Wait
from tidegate_publisher.rollout.hearing import LOOK_S, Hearing
from tidegate_publisher.rollout.picture import Picture
from tidegate_publisher.rollout.steps import afterwards, given_back
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    from tidegate_publisher.ports import Verified
    from tidegate_publisher.publication import Current, Signed
    from tidegate_publisher.rollout.decisions import Action, Decision
    from tidegate_publisher.rollout.parts import Audience, Parts
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement

IDLE_S: Final = 10.0
"""The longest time between two looks, in seconds: time alone may bring a wave to its end."""

_PASSING: Final = frozenset(
    {Code.BUS_UNREACHABLE, Code.ANNOUNCE_TIMEOUT, Code.SIGN_FAILED, Code.STATEMENT_ROLLBACK}
)
"""What may be better a moment later."""

_DOUBTFUL: Final = frozenset({Code.ANNOUNCE_MISSING, Code.BUS_REFUSED, Code.BUS_PROTOCOL})
"""What a cluster that has lost a node says for a while, and what is also said for good."""

_DOUBTS: Final = 20
"""So often in a row that is tried again: some five minutes."""

_PAUSE_MOST_S: Final = 30.0

_ECHO: Final = timedelta(seconds=30)
"""How long our own statement may take until we hear it."""

_STALL: Final = timedelta(minutes=1)
"""Longer than this neither a look takes too long, nor does the clock differ from the time that has passed."""

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

_LAST_ROUNDS: Final = 5
"""So often a stop that our last statement took the place of is written again."""

_RANK: Final = {RolloutState.ACTIVE: 0, RolloutState.HELD: 1, RolloutState.REVOKED: 2}


@dataclass(frozen=True, slots=True)
class _Stop:
    """Somebody's stop with a sequence that hosts know from a statement of ours: they refuse it."""

    state: RolloutState
    sequence: int


class Run:
    """See the module's docstring.

    Args:
        plan: what it is about.
        version: of the release, for people.
        parts: what it is made of.
        audience: whose words count.
    """

    def __init__(self, plan: Plan, version: str, parts: Parts, audience: Audience) -> None:
        self._plan = plan
        self._version = version
        self._parts = parts
        # A status is signed by nobody: with device keys none may move a host, or hide what it said.
        self._fleet = Fleet(believe_status=audience.check is None)
        channel = plan.product, plan.channel
        self.hearing = Hearing(self._fleet, audience.topics, channel, audience.check, audience.allowed)
        self._picture: Picture | None = None
        self._digest: str | None = None
        self._stands: Verified | None = None
        self._own: bytes | None = None
        self._unheard_since: timedelta | None = None
        self._offset = self._parts.clock.now() - _LONG_AGO - self._parts.clock.elapsed()
        self._leapt = False
        self._leading = False
        self._first_own: int | None = None
        self._own_stops: list[ChannelStatement] = []
        self._stopped: _Stop | None = None
        self._doubts = 0
        self._tried = False
        self._noted = ""
        self._away_since: timedelta | None = None
        self._told_of: dict[str, int] = {}

    def lead(self) -> Finished:
        """Lead the release to its end.

        Raises:
            TidegateError: what makes it impossible to begin, or to go on; never for want of the broker once
                the run has begun.
        """
        backoff = Backoff(self._parts.random, cap_s=_PAUSE_MOST_S, stable_s=_PAUSE_MOST_S)
        while True:
            try:
                self._parts.ear.listen()
                self.hearing.settle(self._parts.ear, self._parts.clock)
                self._begin()
                return self._go_on()
            except TidegateError as error:
                if not self._may_pass(error):
                    raise
                late = self._late(error)
                if late is not None:
                    return late
                if error.reason != self._noted:
                    self._noted = error.reason
                    note = f"{error.reason}; trying again, and nothing is opened meanwhile"
                    self._parts.teller.note(note)
                self._parts.ear.pause(backoff.failed())

    def _may_pass(self, error: TidegateError) -> bool:
        conflict = error.code is Code.ANNOUNCE_CONFLICT
        if self._stands is None and not conflict:
            # What was announced and not acknowledged may be there all the same, with its wave open.
            return self._tried and error.code in _PASSING
        # What the channel holds may be garbage, which hosts refuse: we go on with what it held before.
        spoilt = error.code.partition(".")[0] in {"signature", "statement"}
        doubtful = conflict or error.code in _DOUBTFUL or (spoilt and error.code not in _PASSING)
        self._doubts += doubtful
        return error.code in _PASSING or (doubtful and self._doubts < _DOUBTS)

    def _late(self, error: TidegateError) -> Finished | None:
        """The end of a run that cannot reach the broker any more. Nothing is open that was not before."""
        runner = None if self._stands is None else self._stands.statement.predicate.rollout.runner
        now, elapsed = self._parts.clock.now(), self._parts.clock.elapsed()
        self._away_since = elapsed if self._away_since is None else self._away_since
        names = [wave.name for wave in self._plan.waves]
        place = names.index(runner.wave) if runner is not None and runner.wave in names else 0
        if runner is not None and self._plan.timeout is not None:
            if now < runner.began_at + self._plan.timeout:
                return None
            reason = f"the rollout began at {rfc3339(runner.began_at)}, and has taken longer than it may"
        else:
            if elapsed - self._away_since < self._plan.waves[place].gate.timeout:
                return None
            away = format_duration(elapsed - self._away_since)
            reason = f"nothing worked for {away}, which is longer than wave {names[place]} may take"
        return Finished(Outcome.TIMED_OUT, f"{reason}; nothing could be announced: {error.reason}")

    def _begin(self) -> None:
        """Find out what the channel holds; announce the release where it holds another."""
        heard = self.hearing.announced()
        self._unheard_since = None
        before = self._parts.desk.current()
        if before.bundle is None and any(heard):
            # A slow broker: what it retains was heard, but did not come in time when it was asked for.
            raise TidegateError(Code.ANNOUNCE_CONFLICT, "The channel holds something that cannot be read now")
        if before.fault is not None and self._picture is not None:
            reason = before.fault.reason
            self._parts.teller.note(f"what the channel holds does not verify: {reason}; hosts refuse it, too")
            return
        if self._digest is None:
            image = self._parts.desk.resolve()
            self._digest = wanted_digest(self._plan, self._version, before, image, self._parts.teller)
        if self._stands is None and (before.bundle is None or not self._is_ours(before)):
            self._announce(before)
        else:
            self._adopt(usable(before, f"{self._plan.product}/{self._plan.channel}"))

    def _is_ours(self, before: Current) -> bool:
        name = f"{self._plan.product}/{self._plan.channel}"
        return usable(before, name).statement.digest == self._digest

    def _announce(self, before: Current) -> None:
        now = self._parts.clock.now()
        if before.verified is not None:
            require_unclaimed(self._plan, before.verified.statement.predicate.rollout, now)

        def shape(statement: ChannelStatement) -> Rollout:
            return first_rollout(self._plan, self._fleet, statement, now)

        try:
            signed = self._parts.desk.announce(before, shape)
        except TidegateError as error:
            self._tried = error.code is Code.ANNOUNCE_TIMEOUT
            raise
        self._digest = signed.verified.statement.digest
        self._published(signed)

    def _go_on(self) -> Finished:
        while True:
            decision = self._decide()
            if self._picture is not None and self._stands is not None:
                view = self._picture.view(self._parts.clock.now(), self._stands.statement)
                self._parts.teller.decided(decision, view)
            try:
                ended = self._act(decision)
            except TidegateError as error:
                if error.code is not Code.ANNOUNCE_CONFLICT:
                    raise
                self._parts.teller.note(f"{error.reason}; looking at it")
                self._look_again()
                continue
            if ended is not None:
                return self._hear_the_last(ended)
            self._listen(decision.until if isinstance(decision, Wait) else None)
            self._hear_ourselves()
            self._doubts, self._noted, self._away_since = 0, "", None
            self._tell_who_is_not_heard()

    def _tell_who_is_not_heard(self) -> None:
        """Say when words were passed over for the first time, and when ten times as many were."""
        counts = {
            "words of hosts beyond the most that are remembered": self._fleet.refused,
            "words of hosts that are not among those that count": self.hearing.strangers,
            "events that no device key of their host stands behind": self.hearing.refused,
        }
        for what, count in counts.items():
            if count and count >= 10 * self._told_of.get(what, 0):
                self._told_of[what] = count
                self._parts.teller.note(f"passed over: {count} {what}")

    def _decide(self) -> Decision:
        now, statement = self._parts.clock.now(), self._statement
        if statement.digest != self._digest:
            version = statement.predicate.version
            return Finished(Outcome.OVERTAKEN, f"the channel holds another release: {version}")
        assert self._picture is not None  # noqa: S101 -- adopted with the statement; this is for the type checker
        runner = statement.predicate.rollout.runner
        # Where no soak goes on there is none that the clock could have changed.
        self._leapt = self._leapt and runner is not None and runner.met_at is not None
        decision = decide(self._plan, statement, self._picture.tally, Moment(now, self._leading, self._leapt))
        differing = self._plan.differing(statement.predicate)
        if differing and not isinstance(decision, Finished | Hold | Revoke):
            name = f"{self._plan.product}/{self._plan.channel}"
            reason = (
                f"{name} holds this image with another {' and '.join(differing)} than the release file has"
            )
            raise TidegateError(Code.ROLLOUT_DIFFERS, reason)
        return decision

    def _act(self, decision: Decision) -> Finished | None:
        if self._statement.digest != self._digest and isinstance(decision, Finished):
            # Another release is none of ours, and so is what was to be done to the one before.
            return decision
        if self._stopped is not None:
            return self._stop_again(self._stopped)
        if isinstance(decision, Wait | AskApproval):
            return None
        rollout, now = self._statement.predicate.rollout, self._parts.clock.now()
        if isinstance(decision, Finished):
            if decision.release:
                self._steer(given_back(rollout, decision.outcome))
            return decision
        action: Action = decision
        self._steer(afterwards(action, self._plan, rollout, now))
        if isinstance(action, Hold | Revoke):
            return Finished(action.outcome, action.reason, action.wave)
        return None

    def _stop_again(self, stop: _Stop) -> Finished:
        """Stop the release once more, with a sequence that hosts do not know yet.

        A statement of ours took the place of the stop, or was there before it with the same sequence: then
        the channel says that the release is stopped, and hosts refuse it (`statement.equivocation`).
        """
        said = self._statement.predicate
        state = max(said.rollout.state, stop.state, key=_RANK.__getitem__)
        outcome = Outcome.HELD if state is RolloutState.HELD else Outcome.REVOKED
        if said.rollout.state is not state or said.sequence <= stop.sequence:
            self._steer(given_back(said.rollout.model_copy(update={"state": state}), outcome))
        self._stopped = None
        return Finished(outcome, f"an operator has {outcome} the release while this run announced")

    def _hear_the_last(self, ended: Finished) -> Finished:
        """Our last statement may have taken the place of a stop, too: nobody would listen after us."""
        for _ in range(_LAST_ROUNDS):
            try:
                self._hear_ourselves()
                if self._stopped is None or self._statement.digest != self._digest:
                    break
                stop = self._stop_again(self._stopped)
            except TidegateError as error:
                if error.code is not Code.ANNOUNCE_CONFLICT:
                    self._parts.teller.note(
                        f"whether somebody stopped the release is not known: {error.reason}"
                    )
                    break
                self._look_again()
            else:
                ended = ended if ended.outcome in {Outcome.FAILED, Outcome.TIMED_OUT} else stop
        return ended

    def _look_again(self) -> None:
        self._adopt(usable(self._parts.desk.current(), f"{self._plan.product}/{self._plan.channel}"))

    def _steer(self, rollout: Rollout) -> None:
        desk = self._parts.desk
        if rollout.state is RolloutState.ACTIVE:
            self._published(desk.steer(self._statement, rollout))
            return
        assert self._stands is not None  # noqa: S101 -- the run has begun; this is for the type checker
        signed = desk.stop(self._stands, rollout)
        self._own_stops.append(signed.verified.statement)
        self._published(signed)

    def _published(self, signed: Signed) -> None:
        self._own, self._leading, self._doubts = signed.bundle, True, 0
        if self._first_own is None:
            self._first_own = signed.verified.statement.predicate.sequence
        self._unheard_since = self._parts.clock.elapsed()
        self._adopt(signed.verified)
        self._parts.teller.published(signed.verified.statement)

    def _adopt(self, verified: Verified) -> None:
        """Go by this statement from now on. Raises TidegateError(STATEMENT_ROLLBACK, ROLLOUT_DIFFERS)."""
        statement, now = verified.statement, self._parts.clock.now()
        sequence = statement.predicate.sequence
        lost = self._is_lost_stop(verified)
        if self._stands is not None and sequence < self._statement.predicate.sequence:
            if lost:
                return
            reason = f"The broker holds sequence {sequence}, which is older than what was there before"
            raise TidegateError(Code.STATEMENT_ROLLBACK, reason)
        self._stands = verified
        if statement.digest != self._digest:
            return
        if not self._plan.describes(statement.predicate.rollout):
            name = f"{self._plan.product}/{self._plan.channel}"
            reason = f"{name} holds this image with other waves than the release file has"
            raise TidegateError(Code.ROLLOUT_DIFFERS, reason)
        if self._picture is None:
            self._picture = Picture(self._plan, self._fleet, statement, now, watching=True)
        else:
            self._picture.restate(statement, now)

    def _listen(self, until: datetime | None = None) -> None:
        """Hear what comes, and see whether somebody else has announced something.

        Where nothing comes it ends at `until`, and after some seconds at the latest; else it goes on for one
        look, so that what comes together is judged together.
        """
        clock, ear = self._parts.clock, self._parts.ear
        now, begun = clock.now(), clock.elapsed()
        idle = IDLE_S if until is None else min(IDLE_S, max(LOOK_S, (until - now).total_seconds()))
        heard = ear.hear(idle)
        self.hearing.take(heard, clock.now())
        end = begun + timedelta(seconds=LOOK_S)
        while (left := (end - clock.elapsed()).total_seconds()) > 0:
            self.hearing.take(ear.hear(left), clock.now())
        self._listened(begun, timedelta(seconds=idle))
        for bundle in self.hearing.announced():
            if bundle == self._own:
                self._unheard_since = None
            elif bundle:
                self._heard_of(bundle)

    def _listened(self, begun: timedelta, idle: timedelta) -> None:
        """Count the time in which we listened. Raises TidegateError(BUS_UNREACHABLE) where we did not.

        After a sleep, what waits in the connection is to be heard before anything is decided; it may be lost.
        """
        clock = self._parts.clock
        passed, offset = clock.elapsed() - begun, clock.now() - _LONG_AGO - clock.elapsed()
        if abs(offset - self._offset) > _STALL:
            self._leapt, self._offset = True, offset
            raise TidegateError(Code.BUS_UNREACHABLE, "The clock was set; who is heard is found out anew")
        if passed > idle + _STALL:
            reason = f"This process stood still for {format_duration(passed)}; who is heard is found out anew"
            raise TidegateError(Code.BUS_UNREACHABLE, reason)
        if self._picture is not None:
            self._picture.listen(passed)

    def _hear_ourselves(self) -> None:
        """Do nothing more until our own statement was heard: then all that was announced before it was, too.

        Else an operator's hold that ours took the place of could be overlooked.

        Raises:
            TidegateError: BUS_UNREACHABLE when it does not come.
        """
        while self._unheard_since is not None:
            if self._parts.clock.elapsed() - self._unheard_since > _ECHO:
                reason = "The broker holds what this run announced, but does not hand it out"
                raise TidegateError(Code.BUS_UNREACHABLE, reason)
            self._listen()

    def _heard_of(self, bundle: bytes) -> None:
        try:
            verified = self._parts.desk.verify(bundle)
        except TidegateError as error:
            self._parts.teller.note(f"something on the channel does not verify: {error.reason}")
            return
        theirs, ours = verified.statement.predicate, self._statement.predicate
        if self._is_lost_stop(verified) or theirs.sequence < ours.sequence:
            return
        if theirs.sequence > ours.sequence:
            self._adopt(verified)
        elif verified.statement != self._statement:
            # Two with one sequence: what the broker holds in the end counts.
            self._look_again()

    def _is_lost_stop(self, verified: Verified) -> bool:
        """Whether hosts refuse this stop, since a statement of ours was faster; remembers it.

        Any stop from our first statement on: none was there before it that we did not obey.
        """
        said, first = verified.statement.predicate, self._first_own
        stops = said.rollout.state is not RolloutState.ACTIVE and verified.statement.digest == self._digest
        if first is None or not stops or verified.statement in self._own_stops:
            return False
        if (
            self._statement.digest != self._digest
            or not first <= said.sequence <= self._statement.predicate.sequence
        ):
            return False
        if verified.statement == self._statement:
            return self._stopped is not None
        if self._stopped is None or _RANK[said.rollout.state] >= _RANK[self._stopped.state]:
            self._stopped = _Stop(said.rollout.state, said.sequence)
        return True

    @property
    def _statement(self) -> ChannelStatement:
        assert self._stands is not None  # noqa: S101 -- the run has begun; this is for the type checker
        return self._stands.statement

"""A run: listens, decides, acts, until the release is where it shall be.

Its memory is the retained statement and what hosts say: whoever starts it again with the same run id goes on
where it was. Nothing is decided while the broker is away, and after each connection not before what is
retained there was heard.

The one class keeps together what has to agree at any moment: what the channel holds, what is known of the
hosts, and what is done about it; hence its length. How it listens is `vigil`, which faults it outlasts is
`patience`, and how no stop of others is lost is `stops`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidegate_fleet.hosts import Fleet
from tidegate_publisher.durations import format_moment
from tidegate_publisher.foundation import usable
from tidegate_publisher.rollout.beginning import first_rollout, require_unclaimed, wanted_digest
from tidegate_publisher.rollout.decision import Moment, decide
from tidegate_publisher.rollout.decisions import AskApproval, Finished, Hold, Outcome, Revoke, Wait
from tidegate_publisher.rollout.hearing import Hearing
from tidegate_publisher.rollout.patience import Patience
from tidegate_publisher.rollout.picture import Picture
from tidegate_publisher.rollout.steps import afterwards, given_back
from tidegate_publisher.rollout.stops import Stops
from tidegate_publisher.rollout.unheard import Unheard
from tidegate_publisher.rollout.vigil import Vigil
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import RolloutState
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from tidegate_publisher.ports import Verified
    from tidegate_publisher.publication import Current, Signed
    from tidegate_publisher.rollout.decisions import Action, Decision
    from tidegate_publisher.rollout.parts import Audience, Parts
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.stops import Stop
    from tidegate_schemas.rollout import Rollout
    from tidegate_schemas.statement import ChannelStatement

_PAUSE_MOST_S: Final = 30.0

_LAST_ROUNDS: Final = 5
"""So often a stop that our last statement took the place of is written again."""


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
        hearing = Hearing(self._fleet, audience.topics, channel, audience.check, audience.allowed)
        self._vigil = Vigil(parts.ear, hearing, parts.clock)
        self._unheard = Unheard(self._fleet, hearing, parts.teller)
        self._patience = Patience(plan, parts.clock)
        self._stops = Stops()
        self._picture: Picture | None = None
        self._digest: str | None = None
        self._stands: Verified | None = None
        self._leading = False

    def lead(self) -> Finished:
        """Lead the release to its end.

        Raises:
            TidegateError: what makes it impossible to begin, or to go on; never for want of the broker once
                the run has begun.
        """
        backoff = Backoff(self._parts.random, cap_s=_PAUSE_MOST_S, stable_s=_PAUSE_MOST_S)
        while True:
            try:
                self._begin(self._vigil.begin())
                return self._go_on()
            except TidegateError as error:
                if not self._patience.bears(error, begun=self._stands is not None):
                    raise
                runner = None if self._stands is None else self._statement.predicate.rollout.runner
                late = self._patience.spent(error, runner)
                if late is not None:
                    return late
                if self._patience.is_news(error):
                    note = f"{error.reason}; trying again, and nothing is opened meanwhile"
                    self._parts.teller.note(note)
                self._parts.ear.pause(backoff.failed())

    def leave(self) -> Finished:
        """End before the end, since somebody says so: give the claim back, and touch nothing else.

        Raises:
            TidegateError: what keeps the claim from being given back; it ends by itself.
        """
        ended = Finished(Outcome.INTERRUPTED, "the run was told to end before its end")
        # Without a digest nothing was announced. With one, that may have been acknowledged to nobody.
        current = None if self._digest is None else self._parts.desk.current().verified
        if current is None:
            return ended
        if not self._plan.leads(current.statement.predicate.rollout):
            # Somebody's stop, maybe, that hosts refuse as ours was faster.
            return self._hear_the_last(ended) if self._is_lost_stop(current.statement) else ended
        self._digest = current.statement.digest
        self._adopt(current)
        self._steer(given_back(self._statement.predicate.rollout, ended.outcome))
        return self._hear_the_last(ended)

    def _begin(self, heard: Iterable[bytes]) -> None:
        """Find out what the channel holds; announce the release where it holds another."""
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
            self._adopt(usable(before, self._name))

    def _is_ours(self, before: Current) -> bool:
        return usable(before, self._name).statement.digest == self._digest

    def _announce(self, before: Current) -> None:
        now = self._parts.clock.now()
        if before.verified is not None:
            require_unclaimed(self._plan, before.verified.statement.predicate.rollout, now)

        def shape(statement: ChannelStatement) -> Rollout:
            return first_rollout(self._plan, self._fleet, statement, now)

        try:
            signed = self._parts.desk.announce(before, shape)
        except TidegateError as error:
            self._patience.tried = error.code is Code.ANNOUNCE_TIMEOUT
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
            self._patience.renew()
            self._unheard.tell()

    def _decide(self) -> Decision:
        now, statement = self._parts.clock.now(), self._statement
        if statement.digest != self._digest:
            version = statement.predicate.version
            return Finished(Outcome.OVERTAKEN, f"the channel holds another release: {version}")
        assert self._picture is not None  # noqa: S101 -- adopted with the statement; this is for the type checker
        runner = statement.predicate.rollout.runner
        # Where no soak goes on there is none that the clock could have changed.
        self._vigil.leapt = self._vigil.leapt and runner is not None and runner.met_at is not None
        moment = Moment(now, self._leading, self._vigil.leapt)
        decision = decide(self._plan, statement, self._picture.tally, moment)
        differing = self._plan.differing(statement.predicate)
        if differing and not isinstance(decision, Finished | Hold | Revoke):
            what = f"this image with another {' and '.join(differing)} than the release file has"
            raise TidegateError(Code.ROLLOUT_DIFFERS, f"{self._name} holds {what}")
        if isinstance(decision, Finished) and decision.outcome in {Outcome.HELD, Outcome.REVOKED}:
            return replace(decision, reason=f"{decision.reason}; {self._by_whom()}")
        return decision

    def _by_whom(self) -> str:
        assert self._stands is not None  # noqa: S101 -- as above
        said = self._statement.predicate
        when, who = format_moment(said.issued_at), self._stands.signed_by
        return f"sequence {said.sequence} says so, signed at {when} by {who}"

    def _act(self, decision: Decision) -> Finished | None:
        if self._statement.digest != self._digest and isinstance(decision, Finished):
            # Another release is none of ours, and so is what was to be done to the one before.
            return decision
        if self._stops.lost is not None:
            return self._stop_again(self._stops.lost)
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

    def _stop_again(self, stop: Stop) -> Finished:
        again = self._stops.again(stop, self._statement)
        if again.rollout is not None:
            self._steer(again.rollout)
        self._stops.lost = None
        return again.ended

    def _hear_the_last(self, ended: Finished) -> Finished:
        """Our last statement may have taken the place of a stop, too: nobody would listen after us."""
        for _ in range(_LAST_ROUNDS):
            try:
                self._hear_ourselves()
                if self._stops.lost is None or self._statement.digest != self._digest:
                    break
                stop = self._stop_again(self._stops.lost)
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

    def _steer(self, rollout: Rollout) -> None:
        if rollout.state is RolloutState.ACTIVE:
            self._published(self._parts.desk.steer(self._statement, rollout))
            return
        assert self._stands is not None  # noqa: S101 -- the run has begun; this is for the type checker
        self._published(self._parts.desk.stop(self._stands, rollout))

    def _published(self, signed: Signed) -> None:
        self._leading = True
        self._patience.published()
        self._stops.published(signed.verified.statement)
        self._vigil.expect(signed.bundle)
        self._adopt(signed.verified)
        self._parts.teller.published(signed.verified.statement)

    def _look_again(self) -> None:
        self._adopt(usable(self._parts.desk.current(), self._name))

    def _adopt(self, verified: Verified) -> None:
        """Go by this statement from now on. Raises TidegateError(STATEMENT_ROLLBACK, ROLLOUT_DIFFERS)."""
        statement, now = verified.statement, self._parts.clock.now()
        sequence = statement.predicate.sequence
        lost = self._is_lost_stop(statement)
        if self._stands is not None and sequence < self._statement.predicate.sequence:
            if lost:
                return
            reason = f"The broker holds sequence {sequence}, which is older than what was there before"
            raise TidegateError(Code.STATEMENT_ROLLBACK, reason)
        self._stands = verified
        if statement.digest != self._digest:
            return
        if not self._plan.describes(statement.predicate.rollout):
            reason = f"{self._name} holds this image with other waves than the release file has"
            raise TidegateError(Code.ROLLOUT_DIFFERS, reason)
        if self._picture is None:
            self._picture = Picture(self._plan, self._fleet, statement, now, watching=True)
        else:
            self._picture.restate(statement, now)

    def _listen(self, until: datetime | None = None) -> None:
        heard = self._vigil.look(until)
        if self._picture is not None:
            self._picture.listen(heard.listened)
        for bundle in heard.announced:
            self._heard_of(bundle)

    def _hear_ourselves(self) -> None:
        """Do nothing more until our own statement was heard: then all that was announced before it was, too.

        Else an operator's hold that ours took the place of could be overlooked. Raises
        TidegateError(BUS_UNREACHABLE) when it does not come.
        """
        while self._vigil.awaits_echo():
            self._listen()

    def _heard_of(self, bundle: bytes) -> None:
        try:
            verified = self._parts.desk.verify(bundle)
        except TidegateError as error:
            self._parts.teller.note(f"something on the channel does not verify: {error.reason}")
            return
        theirs, ours = verified.statement.predicate, self._statement.predicate
        if self._is_lost_stop(verified.statement) or theirs.sequence < ours.sequence:
            return
        if theirs.sequence > ours.sequence:
            self._adopt(verified)
        elif verified.statement != self._statement:
            # Two with one sequence: what the broker holds in the end counts.
            self._look_again()

    def _is_lost_stop(self, heard: ChannelStatement) -> bool:
        stands = None if self._stands is None else self._stands.statement
        return self._stops.is_lost(heard, stands, self._digest)

    @property
    def _name(self) -> str:
        return f"{self._plan.product}/{self._plan.channel}"

    @property
    def _statement(self) -> ChannelStatement:
        assert self._stands is not None  # noqa: S101 -- the run has begun; this is for the type checker
        return self._stands.statement

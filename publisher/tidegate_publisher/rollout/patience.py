"""Which faults a run outlasts, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_publisher.durations import format_duration, format_moment
from tidegate_publisher.rollout.decisions import Finished, Outcome
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import timedelta

    from tidegate_publisher.rollout.plan import Plan
    from tidegate_publisher.rollout.ports import LongClock
    from tidegate_schemas.codes import TidegateError
    from tidegate_schemas.rollout import Runner

_PASSING: Final = frozenset(
    {Code.BUS_UNREACHABLE, Code.ANNOUNCE_TIMEOUT, Code.SIGN_FAILED, Code.STATEMENT_ROLLBACK}
)
"""What may be better a moment later."""

_DOUBTFUL: Final = frozenset({Code.ANNOUNCE_MISSING, Code.BUS_REFUSED, Code.BUS_PROTOCOL})
"""What a cluster that has lost a node says for a while, and what is also said for good."""

_DOUBTS: Final = 20
"""So often in a row that is tried again: some five minutes."""


class Patience:
    """See the module's docstring.

    Args:
        plan: the run's.
        clock: the time.

    Attributes:
        tried: whether the first statement was sent and not acknowledged: it may be there all the same.
    """

    def __init__(self, plan: Plan, clock: LongClock) -> None:
        self._plan = plan
        self._clock = clock
        self._doubts = 0
        self._told = ""
        self._away_since: timedelta | None = None
        self.tried = False

    def bears(self, error: TidegateError, *, begun: bool) -> bool:
        """Whether it is worth trying again.

        Args:
            error: the fault.
            begun: whether the run goes by a statement already.
        """
        conflict = error.code is Code.ANNOUNCE_CONFLICT
        if not begun and not conflict:
            # What was announced and not acknowledged may be there all the same, with its wave open.
            return self.tried and error.code in _PASSING
        # What the channel holds may be garbage, which hosts refuse: we go on with what it held before.
        spoilt = error.code.partition(".")[0] in {"signature", "statement"}
        doubtful = conflict or error.code in _DOUBTFUL or (spoilt and error.code not in _PASSING)
        self._doubts += doubtful
        return error.code in _PASSING or (doubtful and self._doubts < _DOUBTS)

    def spent(self, error: TidegateError, runner: Runner | None) -> Finished | None:
        """The end of a run that cannot reach the broker any more. Nothing is open that was not before.

        Args:
            error: what keeps it from going on.
            runner: how far it was, as the channel said last.
        """
        now, elapsed = self._clock.now(), self._clock.elapsed()
        self._away_since = elapsed if self._away_since is None else self._away_since
        if runner is not None and self._plan.timeout is not None:
            if now < runner.began_at + self._plan.timeout:
                return None
            began = format_moment(runner.began_at)
            reason = f"the rollout began at {began}, and has taken longer than it may"
        else:
            names = [wave.name for wave in self._plan.waves]
            place = names.index(runner.wave) if runner is not None and runner.wave in names else 0
            if elapsed - self._away_since < self._plan.waves[place].gate.timeout:
                return None
            away = format_duration(elapsed - self._away_since)
            reason = f"nothing worked for {away}, which is longer than wave {names[place]} may take"
        return Finished(Outcome.TIMED_OUT, f"{reason}; nothing could be announced: {error.reason}")

    def is_news(self, error: TidegateError) -> bool:
        """Whether it is another fault than the last one."""
        before, self._told = self._told, error.reason
        return error.reason != before

    def published(self) -> None:
        """A statement is on the channel: nothing is doubtful any more."""
        self._doubts = 0

    def renew(self) -> None:
        """All went well for a while."""
        self._doubts, self._told, self._away_since = 0, "", None

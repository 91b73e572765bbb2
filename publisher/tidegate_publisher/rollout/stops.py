"""Stops of others that a statement of the run took the place of: none is lost. Pure.

Of two statements with one sequence hosts take the first, and the broker keeps the last. So an operator's hold
that crosses a statement of ours is either gone from the channel, or refused by hosts that heard ours first
(`statement.equivocation`): in both cases the release has to be stopped once more, with a sequence of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_publisher.rollout.decisions import Finished, Outcome
from tidegate_publisher.rollout.steps import given_back
from tidegate_schemas.rollout import Rollout, RolloutState

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelStatement

_RANK: Final = {RolloutState.ACTIVE: 0, RolloutState.HELD: 1, RolloutState.REVOKED: 2}


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody's stop with a sequence that hosts know from a statement of ours."""

    state: RolloutState
    sequence: int


@dataclass(frozen=True, slots=True)
class Again:
    """What stops the release once more; `rollout` is None where the channel stops it already."""

    ended: Finished
    rollout: Rollout | None


class Stops:
    """See the module's docstring.

    Attributes:
        lost: the stop that has to be signed again; None when none has.
    """

    def __init__(self) -> None:
        self._first: int | None = None
        self._own: list[ChannelStatement] = []
        self.lost: Stop | None = None

    def published(self, statement: ChannelStatement) -> None:
        """A statement of ours is on the channel."""
        if self._first is None:
            self._first = statement.predicate.sequence
        if statement.predicate.rollout.state is not RolloutState.ACTIVE:
            self._own.append(statement)

    def is_lost(self, heard: ChannelStatement, stands: ChannelStatement | None, digest: str | None) -> bool:
        """Whether hosts refuse this stop, since a statement of ours was faster; remembers it.

        Any stop from our first statement on: none was there before it that we did not obey.

        Args:
            heard: what was heard on the channel, or is retained there.
            stands: what the run goes by.
            digest: of the release that it leads.
        """
        said, first = heard.predicate, self._first
        stops = said.rollout.state is not RolloutState.ACTIVE and heard.digest == digest
        if first is None or stands is None or not stops or heard in self._own:
            return False
        if stands.digest != digest or not first <= said.sequence <= stands.predicate.sequence:
            return False
        if heard == stands:
            return self.lost is not None
        if self.lost is None or _RANK[said.rollout.state] >= _RANK[self.lost.state]:
            self.lost = Stop(said.rollout.state, said.sequence)
        return True

    def again(self, stop: Stop, stands: ChannelStatement) -> Again:
        """How to stop the release once more, with a sequence that hosts do not know yet."""
        said = stands.predicate
        state = max(said.rollout.state, stop.state, key=_RANK.__getitem__)
        outcome = Outcome.HELD if state is RolloutState.HELD else Outcome.REVOKED
        ended = Finished(outcome, f"an operator has {outcome} the release while this run announced")
        if said.rollout.state is state and said.sequence > stop.sequence:
            return Again(ended, None)
        return Again(ended, given_back(said.rollout.model_copy(update={"state": state}), outcome))

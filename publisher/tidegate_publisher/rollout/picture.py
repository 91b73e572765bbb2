"""What a run knows of the hosts, for one release: where they stand, counted by the plan's waves. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_fleet.progress import Progress
from tidegate_publisher.rollout.ports import Failure, View
from tidegate_publisher.rollout.tally import Tally

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from tidegate_fleet.hosts import Fleet
    from tidegate_publisher.rollout.plan import Plan
    from tidegate_schemas.statement import ChannelStatement

_REQUIRES = "requires."


class Picture:
    """See the module's docstring.

    Args:
        plan: the waves and their gates.
        fleet: the hosts.
        statement: what is announced, or will be.
        now: the present moment.
        watching: whether to keep up with the fleet; else it is a picture of this moment.
    """

    def __init__(
        self, plan: Plan, fleet: Fleet, statement: ChannelStatement, now: datetime, *, watching: bool = False
    ) -> None:
        self._plan = plan
        runner = statement.predicate.rollout.runner
        first = runner.first if runner is not None else None
        self._progress = Progress(fleet, self._whole(statement), first or 0)
        self.tally = Tally(fleet, self._progress, plan, statement.predicate.rollout, now)
        if watching:
            # In this order: the tally asks the progress.
            fleet.watch(self._progress)
            fleet.watch(self.tally)

    def restate(self, statement: ChannelStatement, now: datetime) -> None:
        """Take what is announced now."""
        if statement.predicate.rollout.seed != self._progress.statement.predicate.rollout.seed:
            self._progress.restate(self._whole(statement))
        self.tally.restate(statement.predicate.rollout, now)

    def listen(self, by: timedelta) -> None:
        """The run has listened for so much longer: in that time hosts may be silent or gone."""
        self.tally.listen(by)

    def view(self, now: datetime, statement: ChannelStatement | None) -> View:
        """What there is to be shown."""
        failures = {
            str(code or ""): Failure(len(found.hosts), found.reason)
            for code, found in self._progress.failures.items()
            if found.hosts and not str(code or "").startswith(_REQUIRES)
        }
        figures = {wave.name: self.tally.figures(wave, now) for wave in self._plan.waves}
        return View(now, statement, figures, failures, self.tally.outside)

    def _whole(self, statement: ChannelStatement) -> ChannelStatement:
        """The statement with the plan's waves: a host's wave is where it will be when all are open."""
        rollout = self._plan.target(statement.predicate.rollout.seed)
        predicate = statement.predicate.model_copy(update={"rollout": rollout})
        return statement.model_copy(update={"predicate": predicate})

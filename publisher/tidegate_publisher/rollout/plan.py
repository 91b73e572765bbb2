"""The plan of a run: the release's waves, each with its gate (`thresholds`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from tidegate_publisher.compose import wave_fields
from tidegate_publisher.rollout.thresholds import Thresholds, resolve
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import Rollout, RolloutState, Wave
from tidegate_schemas.statement import Requires

if TYPE_CHECKING:
    from tidegate_schemas.gates import Budget, Gate
    from tidegate_schemas.release import Release, ReleaseWave
    from tidegate_schemas.rollout import Runner
    from tidegate_schemas.statement import ChannelPredicate

DEFAULT_LEASE: Final = timedelta(hours=1)
_ALL: Final = "everybody"


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave as it shall be in the end, when it may be opened at the earliest, and its gate."""

    name: str
    fraction: float
    labels: Mapping[str, str]
    opens_at: datetime | None
    gate: Thresholds


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about.

    Attributes:
        product: with `channel`, where.
        channel: see `product`.
        waves: in the order in which they are opened; at least one.
        timeout: how long all of them together may take; None: as long as they do one by one.
        until: the place of the wave that the run ends with.
        run: the run's id.
        process: the name of this process.
        lease: how long the run claims the channel with each of its statements.
        take_over: whether it may take the channel from another run.
        terms: what else the release decides and hosts go by, by the names that it has in a statement.
    """

    product: str
    channel: str
    waves: tuple[PlannedWave, ...]
    timeout: timedelta | None
    until: int
    run: str
    process: str
    lease: timedelta = DEFAULT_LEASE
    take_over: bool = False
    terms: tuple[tuple[str, object], ...] = ()

    @property
    def budgets(self) -> tuple[Budget, ...]:
        """Every budget of any wave, each once."""
        found: list[Budget] = []
        for wave in self.waves:
            found.extend(budget for budget in wave.gate.budget if budget not in found)
        return tuple(found)

    def place(self, name: str) -> int:
        """Where a wave stands in the order. Raises TidegateError(ROLLOUT_WAVE)."""
        names = [wave.name for wave in self.waves]
        if name not in names:
            reason = f"The release has no wave {name[:80]!r}; its waves are {', '.join(names)}"
            raise TidegateError(Code.ROLLOUT_WAVE, reason)
        return names.index(name)

    def target(self, seed: str) -> Rollout:
        """The rollout as it is when all waves are open: it says which wave a host belongs to."""
        waves = tuple(
            Wave(name=one.name, fraction=one.fraction, labels=dict(one.labels), open=True)
            for one in self.waves
        )
        return Rollout(seed=seed, waves=waves)

    def describes(self, rollout: Rollout) -> bool:
        """Whether a rollout is this plan's, however far its waves are open."""
        if len(rollout.waves) != len(self.waves):
            return False
        pairs = zip(rollout.waves, self.waves, strict=True)
        return all(
            (one.name, one.labels) == (mine.name, dict(mine.labels)) and _reaches(one, mine, rollout.runner)
            for one, mine in pairs
        )

    def leads(self, rollout: Rollout) -> bool:
        """Whether this very process leads an active release."""
        runner = rollout.runner
        mine = runner is not None and (runner.id, runner.process) == (self.run, self.process)
        return mine and rollout.state is RolloutState.ACTIVE

    def differing(self, predicate: ChannelPredicate) -> tuple[str, ...]:
        """What the release says otherwise than what is announced, by its names."""
        return tuple(name for name, value in self.terms if _told(getattr(predicate, name)) != _told(value))


def make_plan(release: Release, run: str, process: str, *, until: str | None = None) -> Plan:
    """The plan of a release.

    Args:
        release: the release; without waves it has one, of all hosts.
        run: the run's id.
        process: the name of this process.
        until: the wave to end with; None is the last.

    Raises:
        TidegateError: RELEASE_INVALID for a release that does not begin active, or whose gates cannot be
            met; ROLLOUT_WAVE when there is no wave `until`.
    """
    if release.rollout.state is not RolloutState.ACTIVE:
        state = release.rollout.state
        reason = f"rollout.state: a run leads a release that is active, and this would begin {state}"
        raise TidegateError(Code.RELEASE_INVALID, reason)
    waves = tuple(_wave(one, release.gate) for one in with_waves(release).rollout.waves)
    names = [wave.name for wave in waves]
    if len(set(names)) != len(names):
        raise TidegateError(Code.RELEASE_INVALID, "rollout.waves: two waves have one name")
    last, timeout = len(waves) - 1, release.rollout.timeout
    plan = Plan(release.product, release.channel, waves, timeout, last, run, process, terms=_terms(release))
    return plan if until is None else replace(plan, until=plan.place(until))


def with_waves(release: Release) -> Release:
    """The same release; one without waves gets one that takes in everybody."""
    if release.rollout.waves:
        return release
    content = {"name": _ALL, "fraction": 1.0}
    rollout = type(release.rollout).model_validate({**dict(release.rollout), "waves": (content,)})
    return release.model_copy(update={"rollout": rollout})


def _told(value: object) -> object:
    """A moment as it is written down, with nothing finer than that."""
    return rfc3339(value) if isinstance(value, datetime) else value


def _terms(release: Release) -> tuple[tuple[str, object], ...]:
    requires = Requires(**dict(release.requires))
    terms = {"version": release.version, "requires": requires, "urgency": release.urgency}
    return (*terms.items(), ("deadline", release.deadline))


def _reaches(one: Wave, mine: PlannedWave, runner: Runner | None) -> bool:
    """Whether a wave is open as far as planned, or on its way there."""
    if one.fraction >= mine.fraction:
        return one.fraction == mine.fraction
    led = runner is not None and (runner.wave, runner.whole) == (one.name, mine.fraction)
    return bool(mine.gate.budget) or led


def _wave(wave: ReleaseWave, default: Gate) -> PlannedWave:
    said = wave_fields(wave)
    return PlannedWave(wave.name, wave.fraction, said["labels"], wave.opens_at, resolve(default, wave.gate))

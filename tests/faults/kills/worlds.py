"""The worlds: what is true of the image, times the kind of engine, times an act and the state it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, get_args

from tests.faults.kills.acts import Act
from tests.faults.kills.images import GOOD, IMAGES, NOWHERE, SICK, Image
from tidegate_agent.manners import Manners
from tidegate_agent.update import states
from tidegate_agent.windows import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class EngineKind:
    """How an engine's activation takes effect."""

    name: str
    reboots: bool
    soft: bool = False


LIVE: Final = EngineKind("live", reboots=False)
REBOOTS: Final = EngineKind("reboots", reboots=True)
SOFT: Final = EngineKind("soft", reboots=True, soft=True)
ENGINES: Final = (REBOOTS, LIVE, SOFT)

KINDS: Final = tuple(str(each.__dataclass_fields__["kind"].default) for each in get_args(states.State))
"""Every kind of state, out of the union itself."""


OPEN: Final = frozenset({"waiting", "staging", "staged"})
"""Where an update can still be approved or dropped."""


@dataclass(frozen=True, slots=True)
class World:
    """One way in which an update can go.

    Attributes:
        image: what is true of the new image.
        engine: the kind of engine.
        act: what somebody does meanwhile; None for nothing.
        moment: the kind of state in which they do it.
        seasoned: whether the host was updated before.
        midway: whether it is done when staging is under way, too late for that to be stopped.
        early: whether it is done before the new release is announced.
    """

    image: Image
    engine: EngineKind
    act: Act | None = None
    moment: str = ""
    seasoned: bool = False
    midway: bool = False
    early: bool = False

    @property
    def name(self) -> str:
        """As reports and `--only` call it."""
        when = f"{self.moment}, midway" if self.midway else self.moment
        done = "" if self.act is None else f" / {self.act.name} @ {when}"
        return f"{self.image.name} / {self.engine.name}{done}"

    @property
    def manners(self) -> Manners:
        """How the host wants to be treated."""
        if self.act is None or self.moment not in OPEN:
            return Manners(Schedule())
        return self.act.manners


def undisturbed() -> tuple[World, ...]:
    """The worlds in which nobody acts."""
    return tuple(
        World(image, engine)
        for engine in ENGINES
        for image in IMAGES
        if (engine.reboots or not image.needs_reboot) and (engine.soft or not image.soft_only)
    )


def disturbed(acts: Sequence[Act]) -> tuple[World, ...]:
    """The worlds in which somebody acts: each act in each kind of state.

    What an engine that needs no reboot does otherwise begins with the activation.
    """
    midway = tuple(
        World(image, REBOOTS, act, "staging", seasoned=True, midway=True)
        for act in acts
        if act.ends_staging
        for image in (GOOD, NOWHERE)
    )
    return midway + tuple(
        World(
            SICK if moment == "rolling-back" else GOOD,
            engine,
            act,
            moment,
            # Nobody is there to approve the first update of a host that asks for it.
            seasoned=moment != "idle" and not (act.manners.approval_required and moment in OPEN),
        )
        for engine, moments in (
            (REBOOTS, KINDS),
            (LIVE, ("activating", "proving", "rolling-back", "settled")),
        )
        for act in acts
        for moment in moments
    )

"""What a simulated host is like, and how it will behave. Pure; everything is drawn by hash from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import Final

from tidegate_publisher.devstack.simulator.shares import Share, drawn
from tidegate_schemas.base import HOST_PATTERN

SITES: Final = ("berlin", "lyon", "osaka", "quito")
HARDWARE: Final = ("gateway-a", "gateway-b", "panel")
DIGITS: Final = 6
QUARTERS: Final = (25, 50, 75)
_PILOTS: Final = 0.02


class Behaviour(StrEnum):
    """What may be wrong with a host."""

    FAILS_HEALTH = "fails-health"
    FAILS_STAGING = "fails-staging"
    HANGS = "hangs"
    DROPS_OUT = "drops-out"
    FLAPS = "flaps"
    CLOCK_OFF = "clock-off"
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the steps take, by the host's clock.

    Attributes:
        staging: from the first byte to `staged`.
        activating: the engine's switch.
        reboot: for how long the host is off.
        proving: from coming up to the end of the checks.
        splay: the random delay when a wave or window opens by itself.
        window: how far off the maintenance window of a host with one is.
    """

    staging: timedelta = timedelta(minutes=2)
    activating: timedelta = timedelta(seconds=5)
    reboot: timedelta = timedelta(seconds=60)
    proving: timedelta = timedelta(seconds=30)
    splay: timedelta = timedelta(seconds=30)
    window: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Installed:
    """The image that a host runs when the simulation begins; `version` where its journal knows it."""

    digest: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One host. `behaviours` says for which version each counts; None stands for every version."""

    host: str
    installed: Installed
    labels: dict[str, str] = field(default_factory=dict)
    arch: str = "amd64"
    reboots: bool = True
    pace: Pace = Pace()
    quarters: tuple[int, ...] = QUARTERS
    image_bytes: int = 0
    behaviours: dict[Behaviour, str | None] = field(default_factory=dict)
    clock_offset: timedelta = timedelta(0)

    def does(self, behaviour: Behaviour, version: str | None = None) -> bool:
        """Whether it behaves so, when this version is installed."""
        if behaviour not in self.behaviours:
            return False
        of = self.behaviours[behaviour]
        return of is None or of == version


@dataclass(frozen=True, slots=True)
class Kind:
    """What all hosts of a fleet have in common.

    Attributes:
        installed: what runs at first.
        shares: who behaves how.
        speed: how much faster than life all goes.
        seed: of all that is drawn.
        reboots: the share of hosts whose activation takes a reboot.
        quarters: the percentages of staging that are told.
        prefix: what host ids begin with.
    """

    installed: Installed
    shares: tuple[Share, ...] = ()
    speed: float = 1.0
    seed: str = "tidegate"
    reboots: float = 1.0
    quarters: tuple[int, ...] = QUARTERS
    prefix: str = "sim"


def host_name(kind: Kind, number: int) -> str:
    """The id of a fleet's host with this number, counted from 0."""
    return f"{kind.prefix}-{number:0{DIGITS}d}"


def make_profile(kind: Kind, number: int) -> Profile:
    """The host with this number: the same for the same kind, whoever asks and in whatever order."""
    name = host_name(kind, number)
    random = Random(f"{kind.seed}/{name}")  # noqa: S311 -- a simulation, which has to be repeatable
    slow = random.lognormvariate(0, 0.35) / kind.speed
    behaviours = {
        Behaviour(share.name): share.version for share in kind.shares if drawn(share, kind.seed, name)
    }
    # Far enough off to be refused (five minutes are allowed for), and either way.
    offset = timedelta(hours=random.choice((-2, -1, 1, 2)))
    return Profile(
        name,
        kind.installed,
        labels={
            "site": random.choice(SITES),
            "ring": "pilot" if random.random() < _PILOTS else "fleet",
            "hardware": random.choice(HARDWARE),
        },
        reboots=random.random() < kind.reboots,
        pace=_scaled(Pace(), slow),
        quarters=kind.quarters,
        image_bytes=random.randrange(20_000_000, 400_000_000),
        behaviours=behaviours,
        clock_offset=offset if Behaviour.CLOCK_OFF in behaviours else timedelta(0),
    )


def _scaled(pace: Pace, factor: float) -> Pace:
    return Pace(
        pace.staging * factor,
        pace.activating * factor,
        pace.reboot * factor,
        pace.proving * factor,
        pace.splay * factor,
        pace.window * factor,
    )


PREFIX_PATTERN: Final = HOST_PATTERN.replace("{0,63}", "{0,50}")
"""What `Kind.prefix` has to match, so that a host's id fits into a topic level."""

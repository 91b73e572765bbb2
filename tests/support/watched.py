"""A fleet to be watched: words as a listener leaves them, for a release with three waves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.fleets import at, describes, said
from tests.support.statements import a_statement, digest_of
from tidegate_fleet.announced import Announced
from tidegate_fleet.watch.inbox import ConnectionSeen, StatusSeen
from tidegate_fleet.watch.model import Watched
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import Rollout, RolloutState, Wave, wave_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_fleet.watch.inbox import Heard

CHANNEL = ("os", "stable")
CANARY = Wave(name="canary", fraction=0.1, open=True)
EARLY = Wave(name="early", fraction=0.5, opens_at=at(3600))
EVERYBODY = Wave(name="everybody")
WAVES = (CANARY, EARLY, EVERYBODY)
WAY = (Step.ACCEPTED, Step.WAITING, Step.STAGING, Step.STAGED, Step.ACTIVATING, Step.REBOOTING, Step.PROVING)


def announced(
    sequence: int = 1, *, state: RolloutState = RolloutState.ACTIVE, letter: str = "a", **changes: Any
) -> Announced:
    """A verified statement with three waves; keyword arguments replace fields of its rollout."""
    rollout = Rollout(**{"seed": "seed", "state": state, "waves": WAVES, **changes})
    version = f"{'abcdef'.index(letter) + 1}.0"
    statement = a_statement(digest_of(letter), sequence=sequence, version=version, rollout=rollout)
    return Announced(statement, verified=True, compared=True, signers=("release (a key pair)",))


def hosts_in(wave: Wave, number: int) -> list[str]:
    """Names of hosts that this wave takes in."""
    rollout = Rollout(seed="seed", waves=WAVES)
    names = (f"edge-{index}" for index in range(100 * number))
    return [name for name in names if wave_of(rollout, name, {}) == wave][:number]


def stored(*hosts: str, **follow: Any) -> list[Heard]:
    """The statuses of hosts that the broker has in store."""
    return [StatusSeen(describes(host, **follow), retained=True) for host in hosts]


def passage(host: str, begin: float = 0, end: Step = Step.SUCCEEDED, **data: Any) -> Iterator[Heard]:
    """A host's way through the release, a second for each step; keyword arguments are the end's."""
    for second, step in enumerate(WAY):
        yield said(host, step, begin + second)
    yield said(host, end, begin + len(WAY), **data)


def unwell(host: str, begin: float = 0, reason: str = "health check `web` failed") -> Iterator[Heard]:
    """A way that ends in a rollback."""
    yield from passage(host, begin, Step.ROLLED_BACK, code=Code.HEALTH_FAILED, reason=reason)


def a_fleet() -> Watched:
    """Twelve hosts a minute after noon: canaries done but for one that failed and one that fell silent."""
    watched = Watched(CHANNEL, timedelta(seconds=30))
    canaries, early = hosts_in(CANARY, 5), hosts_in(EARLY, 3)
    late = hosts_in(EVERYBODY, 4)
    take(watched, [ConnectionSeen(), announced(), *stored(*canaries, *early, *late)], at(0))
    for host in canaries[:3]:
        take(watched, passage(host, 1), at(9))
    take(watched, unwell(canaries[3], 1), at(10))
    take(watched, [said(canaries[4], Step.ACTIVATING, 5)], at(10))
    take(watched, [said(early[0], Step.STAGING, 50, percent=40)], at(55))
    return watched


def take(watched: Watched, words: Any, now: datetime) -> Watched:
    """Hand on what was heard at a moment."""
    for heard in words:
        watched.take(heard, now)
    return watched

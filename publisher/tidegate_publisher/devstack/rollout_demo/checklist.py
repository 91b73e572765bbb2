"""What has to be observed for the demo to have succeeded. PURE.

Each rule looks at what is seen at one moment (`sight`). Some moments pass: what was observed once is ticked
off, and the story goes on only then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from tidegate_fleet.standing import Phase
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, FIXED, WAVES, Scenario
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from tidegate_publisher.devstack.rollout_demo.sight import Sight

_CANARY, _EARLY, _REST = WAVES
_NODES: Final = 3
_ON_ONE_NODE: Final = 0.2
_NEARLY_ALL: Final = 0.98


class Key(StrEnum):
    """The checks, in the order in which they come true."""

    CLUSTER = "cluster"
    CONNECTED = "connected"
    CANARIES = "canaries"
    PROMOTED = "promoted"
    NODE_LOST = "node-lost"
    STOPPED = "stopped"
    HELD = "held"
    BACK = "back"
    NODE_BACK = "node-back"
    PROMOTED_ALL = "promoted-all"
    FINISHED = "finished"
    EVERYWHERE = "everywhere"
    ACCOUNTED = "accounted"


TEXTS: Final = {
    Key.CLUSTER: "three brokers are one cluster",
    Key.CONNECTED: "every host is connected, and collected",
    Key.CANARIES: f"{BAD} runs on its canaries",
    Key.PROMOTED: f"{BAD} promoted to the second wave",
    Key.NODE_LOST: "a broker killed: its hosts go elsewhere",
    Key.STOPPED: f"{BAD} fails: the job ends with 1",
    Key.HELD: "the channel is held, the rest stays put",
    Key.BACK: "hosts that failed run 1.0 again",
    Key.NODE_BACK: "the broker is back in its cluster",
    Key.PROMOTED_ALL: f"{FIXED} promoted to everybody",
    Key.FINISHED: f"{FIXED} done: the job ends with 0",
    Key.EVERYWHERE: f"every host runs {FIXED}",
    Key.ACCOUNTED: "every event collected, exactly once",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is seen is compared with: the scenario, and the images by version ("1.0" to "2.1")."""

    scenario: Scenario
    digests: dict[str, str]


Rule = Callable[["Sight", Facts], bool]


def holds(key: Key, sight: Sight, facts: Facts) -> bool:
    """Whether that is the case at this moment."""
    return _RULES[key](sight, facts)


def started(sight: Sight, version: str) -> int:
    """How many hosts have begun to take a release up, whatever became of it."""
    begun = (Phase.STAGING, Phase.ACTIVATING, Phase.SUCCEEDED, Phase.FAILED)
    return sight.release(version).hosts(*begun)


def _connected(sight: Sight, facts: Facts) -> bool:
    hosts = facts.scenario.hosts
    return sight.fleet.connected == hosts and sight.hosts == sight.online == hosts


def _canaries(sight: Sight, facts: Facts) -> bool:
    size, failing = facts.scenario.sizes[0], facts.scenario.failing[0]
    release = sight.release(BAD)
    return release.hosts(Phase.SUCCEEDED, wave=_CANARY) >= 0.9 * size - failing


def _promoted(sight: Sight, _: Facts) -> bool:
    release = sight.release(BAD)
    return _EARLY in release.opened and release.hosts(Phase.SUCCEEDED, wave=_CANARY) > 0


def _node_lost(sight: Sight, facts: Facts) -> bool:
    """About a third of the hosts was on it, and all but those that boot are on the others by now."""
    hosts = facts.scenario.hosts
    lost = sight.nodes == _NODES - 1 and sight.cut_off >= _ON_ONE_NODE * hosts
    return lost and sight.fleet.connected >= _NEARLY_ALL * hosts


def _stopped(sight: Sight, _: Facts) -> bool:
    failed = sight.release(BAD).hosts(Phase.FAILED, wave=_EARLY)
    return sight.exits.get(BAD) == 1 and failed > 0


def _held(sight: Sight, facts: Facts) -> bool:
    """The word is held, nobody is under way any more, and the third wave never began."""
    release, sizes = sight.release(BAD), facts.scenario.sizes
    held = release.state is RolloutState.HELD and _REST not in release.opened
    under_way = release.hosts(Phase.STAGING, Phase.ACTIVATING)
    waiting = release.hosts(Phase.WAITING, wave=_REST)
    return held and not under_way and waiting == sizes[2]


def _back(sight: Sight, facts: Facts) -> bool:
    """Whoever failed is quarantined with it, and runs what it ran before."""
    failed = sight.release(BAD).hosts(Phase.FAILED)
    bad, old = facts.digests[BAD], facts.digests["1.0"]
    succeeded = sight.running.get(bad, 0)
    return 0 < failed == sight.quarantined.get(bad, 0) and (
        sight.running.get(old, 0) == facts.scenario.hosts - succeeded
    )


def _promoted_all(sight: Sight, _: Facts) -> bool:
    return set(WAVES) <= set(sight.release(FIXED).opened)


def _everywhere(sight: Sight, facts: Facts) -> bool:
    hosts = facts.scenario.hosts
    done = sight.release(FIXED).hosts(Phase.SUCCEEDED)
    return done == hosts and sight.running.get(facts.digests[FIXED], 0) == hosts


_RULES: Final[dict[Key, Rule]] = {
    Key.CLUSTER: lambda sight, _: sight.nodes == _NODES,
    Key.CONNECTED: _connected,
    Key.CANARIES: _canaries,
    Key.PROMOTED: _promoted,
    Key.NODE_LOST: _node_lost,
    Key.STOPPED: _stopped,
    Key.HELD: _held,
    Key.BACK: _back,
    Key.NODE_BACK: lambda sight, _: sight.nodes == _NODES,
    Key.PROMOTED_ALL: _promoted_all,
    Key.FINISHED: lambda sight, _: sight.exits.get(FIXED) == 0,
    Key.EVERYWHERE: _everywhere,
    Key.ACCOUNTED: lambda sight, _: sight.account is not None and sight.account.balanced,
}

"""The demo's checks: each is true of a run that went as it should, and false of one that did not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.statements import digest_of
from tidegate_fleet.standing import Phase
from tidegate_publisher.devstack.rollout_demo.checklist import Facts, Key, holds, started
from tidegate_publisher.devstack.rollout_demo.scenario import BAD, FIXED, Scenario
from tidegate_publisher.devstack.rollout_demo.sight import Account, Release, Sight
from tidegate_publisher.devstack.simulator.figures import Figures
from tidegate_schemas.rollout import RolloutState

SCENARIO = Scenario(1000, "seed", (0.01, 0.1, 1.0), (10, 90, 900), (0, 3, 27), 20, 1.0)
DIGESTS = {"1.0": digest_of("0"), BAD: digest_of("a"), FIXED: digest_of("b")}
FACTS = Facts(SCENARIO, DIGESTS)

HELD = Release(
    {
        ("canary", Phase.SUCCEEDED): 10,
        ("early", Phase.SUCCEEDED): 60,
        ("early", Phase.FAILED): 3,
        ("early", Phase.WAITING): 27,
        ("everybody", Phase.WAITING): 900,
    },
    RolloutState.HELD,
    ("canary", "early"),
)
DONE = Release(
    {("canary", Phase.SUCCEEDED): 10, ("early", Phase.SUCCEEDED): 90, ("everybody", Phase.SUCCEEDED): 900},
    RolloutState.ACTIVE,
    ("canary", "early", "everybody"),
)
STOPPED = Sight(
    fleet=Figures(hosts=1000, connected=995),
    hosts=1000,
    online=1000,
    running={DIGESTS["1.0"]: 930, DIGESTS[BAD]: 70},
    quarantined={DIGESTS[BAD]: 3},
    events=5000,
    releases={BAD: HELD},
    exits={BAD: 1},
    nodes=2,
    cut_off=330,
)
FINISHED = replace(
    STOPPED,
    fleet=Figures(hosts=1000, connected=1000),
    running={DIGESTS[FIXED]: 1000},
    releases={BAD: HELD, FIXED: DONE},
    exits={BAD: 1, FIXED: 0},
    nodes=3,
    account=Account(9000, 9000, 9000, 9000, 0, 0),
)

GOOD = {
    Key.CLUSTER: FINISHED,
    Key.CONNECTED: FINISHED,
    Key.CANARIES: STOPPED,
    Key.PROMOTED: STOPPED,
    Key.NODE_LOST: STOPPED,
    Key.STOPPED: STOPPED,
    Key.HELD: STOPPED,
    Key.BACK: STOPPED,
    Key.NODE_BACK: FINISHED,
    Key.PROMOTED_ALL: FINISHED,
    Key.FINISHED: FINISHED,
    Key.EVERYWHERE: FINISHED,
    Key.ACCOUNTED: FINISHED,
}


def bad(**changes: Any) -> Sight:
    """A release that was stopped, but for this."""
    return replace(STOPPED, releases={BAD: replace(HELD, **changes)})


def counted(wave: str, phase: Phase, number: int) -> dict[tuple[str, Phase], int]:
    return {**HELD.counts, (wave, phase): number}


@pytest.mark.parametrize("key", list(Key))
def test_is_seen_in_a_run_that_goes_as_it_should(key: Key) -> None:
    assert holds(key, GOOD[key], FACTS)


@pytest.mark.parametrize("key", list(Key))
def test_is_not_seen_where_nothing_happened(key: Key) -> None:
    assert not holds(key, Sight(), FACTS)


@pytest.mark.parametrize(
    ("key", "sight"),
    [
        (Key.CONNECTED, replace(FINISHED, online=999)),
        (Key.CONNECTED, replace(FINISHED, fleet=Figures(hosts=1000, connected=999))),
        (Key.PROMOTED, bad(opened=("canary",))),
        (Key.NODE_LOST, replace(STOPPED, cut_off=50)),
        (Key.NODE_LOST, replace(STOPPED, nodes=3)),
        (Key.NODE_LOST, replace(STOPPED, fleet=Figures(hosts=1000, connected=700))),
        (Key.STOPPED, replace(STOPPED, exits={BAD: 0})),
        (Key.STOPPED, replace(STOPPED, exits={})),
        (Key.HELD, bad(state=RolloutState.ACTIVE)),
        (Key.HELD, bad(opened=("canary", "early", "everybody"))),
        (Key.HELD, bad(counts=counted("everybody", Phase.WAITING, 899))),
        (Key.HELD, bad(counts=counted("early", Phase.ACTIVATING, 1))),
        (Key.BACK, replace(STOPPED, quarantined={DIGESTS[BAD]: 2})),
        (Key.BACK, replace(STOPPED, running={DIGESTS["1.0"]: 929, DIGESTS[BAD]: 70})),
        (Key.FINISHED, replace(FINISHED, exits={FIXED: 3})),
        (Key.EVERYWHERE, replace(FINISHED, running={DIGESTS[FIXED]: 999, DIGESTS[BAD]: 1})),
        (Key.ACCOUNTED, replace(FINISHED, account=Account(9000, 9000, 8999, 8999, 1, 0))),
        (Key.ACCOUNTED, replace(FINISHED, account=Account(9000, 9000, 9001, 9000, 0, 0))),
        (Key.ACCOUNTED, replace(FINISHED, account=Account(9000, 8999, 9000, 9000, 0, 0))),
        (Key.ACCOUNTED, replace(FINISHED, account=Account(9000, 9000, 9000, 9000, 1, 1))),
        (Key.ACCOUNTED, replace(FINISHED, account=Account(0, 0, 0, 0, 0, 0))),
    ],
)
def test_is_not_seen_in_a_run_that_went_otherwise(key: Key, sight: Sight) -> None:
    assert not holds(key, sight, FACTS)


def test_counts_who_has_begun_whatever_became_of_it() -> None:
    assert started(STOPPED, BAD) == 73

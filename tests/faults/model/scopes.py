"""Which worlds the tests explore: some in every run, larger ones where everything is asked for."""

from __future__ import annotations

from typing import Final

from tests.faults.model.world import Scope
from tests.support.updates import NEW, NEWER
from tidegate_schemas.rollout import RolloutState

EVERY_WORD: Final = (RolloutState.ACTIVE, RolloutState.HELD, RolloutState.REVOKED)
POWER: Final = frozenset({"kill", "power", "fallback", "guard"})

ALWAYS: Final = (
    Scope(name="power", digests=(NEW,), statements=1, faults=POWER),
    Scope(name="tools", digests=(NEW,), statements=1, faults=frozenset({"kill", "busy", "broken"})),
    Scope(
        name="in place",
        digests=(NEW,),
        statements=1,
        reboots=False,
        faults=frozenset({"kill", "power", "busy", "broken", "wrong"}),
        orders=frozenset({"cancel", "rollback"}),
    ),
    Scope(
        name="channel",
        digests=(NEW,),
        statements=2,
        rollouts=EVERY_WORD,
        reboots=False,
        faults=frozenset({"kill", "replay", "false"}),
    ),
    Scope(
        name="overtaken by refusals",
        digests=(NEW,),
        statements=2,
        rollouts=EVERY_WORD,
        faults=frozenset({"busy"}),
    ),
    Scope(
        name="overtaken by power cuts",
        digests=(NEW,),
        statements=2,
        rollouts=(RolloutState.ACTIVE, RolloutState.HELD),
        faults=frozenset({"power"}),
    ),
    Scope(
        name="results",
        digests=(NEW,),
        statements=2,
        faults=frozenset({"kill", "power", "busy", "broken"}),
        results=True,
        budget=4,
    ),
)
"""What every run of the tests explores."""

LARGE: Final = (
    Scope(name="two releases", digests=(NEW, NEWER), statements=2, faults=frozenset({"kill", "power"})),
    Scope(
        name="people and the calendar",
        digests=(NEW,),
        statements=2,
        rollouts=(RolloutState.ACTIVE, RolloutState.HELD),
        reboots=False,
        faults=frozenset({"kill", "window", "slow"}),
        orders=frozenset({"cancel", "rollback", "hold"}),
        expiry=True,
    ),
    Scope(
        name="three statements",
        digests=(NEW, NEWER),
        statements=3,
        rollouts=EVERY_WORD,
        reboots=False,
        faults=frozenset({"replay"}),
    ),
)
"""What is explored besides, where everything is asked for."""

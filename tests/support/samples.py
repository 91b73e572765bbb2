"""A sample of every state and every event, and of the variants that the machine tells apart.

The table of test_machine.py walks the first of each; docs/state-machine.md is drawn from all of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from tests.support.statements import NOON
from tests.support.updates import (
    BOOT,
    EVERY_STATE,
    FAILURE,
    LATER_BOOT,
    NEW,
    NEWER,
    OLD,
    a_target,
    an_image,
    an_update,
)
from tidegate_agent.model import CheckResult, Failure, Health, ImageStatus
from tidegate_agent.update.events import (
    Activated,
    ActivateFailed,
    Admitted,
    Assessed,
    CancelRequested,
    Event,
    Heard,
    Known,
    Progressed,
    Proved,
    Refused,
    Restarted,
    RollbackFailed,
    RollbackRequested,
    RolledBack,
    StageDone,
    StageFailed,
    Woken,
)
from tidegate_agent.update.states import (
    Idle,
    Outcome,
    Proving,
    Rebooting,
    Settled,
    State,
    Target,
    Verifying,
    Wait,
    WaitFor,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Rollout, RolloutState

SICK: Final = Health((CheckResult("web", passed=False, required=True, output="503"),))
WELL: Final = Health((CheckResult("web", passed=True, required=True),))
WINDOW: Final = Wait(WaitFor.WINDOW, "closed", NOON + timedelta(hours=2))
METERED: Final = Wait(WaitFor.METERED, "on the train")
REVOKED: Final = Rollout(seed="s", state=RolloutState.REVOKED)
PROVEN: Final = Settled(an_update(), Outcome.SUCCEEDED)


def admitted(
    target: Target | None = None, image: ImageStatus | None = None, unfit: Failure | None = None
) -> Admitted:
    """A statement for NEW that this host takes up, changed where the test wants it."""
    return Admitted("f00", target or a_target(), 1, image or an_image(), BOOT, unfit=unfit)


EVERY_EVENT: Final[tuple[Event, ...]] = (
    Restarted(an_image(), LATER_BOOT),
    Heard("f00"),
    Refused("f00", FAILURE),
    Known("f00"),
    admitted(),
    Assessed(None),
    Assessed(WINDOW),
    Woken(),
    Progressed(NEW, 50, 1000),
    StageDone(NEW, NEW, 1000),
    StageFailed(NEW, FAILURE, retryable=True),
    Activated(reboot_required=True),
    ActivateFailed(FAILURE),
    Proved(WELL),
    RolledBack(reboot_required=False),
    RollbackFailed(FAILURE),
    CancelRequested(FAILURE),
    RollbackRequested(FAILURE, an_update()),
)
"""One sample of each event, two where both are needed to see anything."""

STATES: Final[tuple[State, ...]] = (
    *EVERY_STATE,
    PROVEN,
    Verifying("f00", Idle()),
    Verifying("f00", PROVEN),
    Rebooting(an_update(reboots=2)),
    Proving(an_update(), round=3),
    Proving(an_update(previous=None), round=3),
)

EVENTS: Final[tuple[Event, ...]] = (
    *EVERY_EVENT,
    Assessed(METERED),
    Restarted(an_image(), BOOT),
    Restarted(an_image(NEW, previous=OLD), LATER_BOOT),
    Restarted(an_image(staged=NEW), BOOT),
    Restarted(an_image(previous=NEW), LATER_BOOT),
    admitted(a_target(NEWER, sequence=2)),
    admitted(image=an_image(NEW)),
    admitted(unfit=FAILURE),
    admitted(a_target(rollout=REVOKED)),
    StageDone(NEW, NEWER, 1000),
    StageFailed(NEW, FAILURE, retryable=False),
    Activated(reboot_required=False),
    Activated(reboot_required=True, soft=True),
    Restarted(an_image(), LATER_BOOT, replace(FAILURE, code=Code.BOOT_DEADLINE)),
    Restarted(an_image(NEWER), LATER_BOOT),
    Proved(SICK),
    RolledBack(reboot_required=True),
)

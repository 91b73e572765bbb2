"""Updates and states for tests of the machine and of the journal."""

from __future__ import annotations

from typing import Any, Final

from tests.support.statements import NOON, a_statement, digest_of
from tidegate_agent.admission import target_of
from tidegate_agent.model import Failure, ImageStatus
from tidegate_agent.update.states import (
    Activating,
    Idle,
    Outcome,
    Proving,
    Rebooting,
    RollingBack,
    Settled,
    Staged,
    Staging,
    State,
    Target,
    Update,
    Verifying,
    Wait,
    WaitFor,
    Waiting,
)
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

OLD: Final = digest_of("0")
NEW: Final = digest_of("a")
NEWER: Final = digest_of("b")
BOOT: Final = "boot-1"
LATER_BOOT: Final = "boot-2"
FAILURE: Final = Failure(Code.HEALTH_FAILED, "web: 503")


def a_target(digest: str = NEW, **changes: Any) -> Target:
    """What a statement for this digest asks for."""
    return target_of(a_statement(digest, **changes))


def an_update(digest: str = NEW, *, attempt: int = 1, previous: str | None = OLD, reboots: int = 0) -> Update:
    """An update from OLD to this digest, begun at NOON in BOOT."""
    marks = ((Step.ACCEPTED, NOON),)
    return Update(a_target(digest), attempt, previous, BOOT, reboots=reboots, marks=marks)


def an_image(
    current: str | None = OLD, staged: str | None = None, previous: str | None = None
) -> ImageStatus:
    """The engine's truth."""
    return ImageStatus(current, staged, previous)


SETTLED: Final = Settled(an_update(OLD, previous=None), Outcome.SUCCEEDED)

EVERY_STATE: Final[tuple[State, ...]] = (
    Idle(),
    SETTLED,
    Verifying("f00", SETTLED),
    Waiting(an_update(), Wait(WaitFor.WAVE, "not yet", NOON)),
    Staging(an_update(), percent=25),
    Staged(an_update(), Wait(WaitFor.WINDOW, "closed", NOON)),
    Activating(an_update()),
    Rebooting(an_update(reboots=1)),
    Proving(an_update()),
    RollingBack(an_update(), OLD, FAILURE),
)

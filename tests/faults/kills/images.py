"""What can be true of an image: a choice point of the worlds.

All of it is a function of what the journal says of the attempt, so that a call which a killed agent repeats
has the same answer as the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from tidegate_agent.errors import EngineError
from tidegate_agent.machine import update_of
from tidegate_agent.update.states import Proving, RollingBack, State
from tidegate_schemas.codes import Code, TidegateError

Fails = tuple[TidegateError, Callable[[State], bool]]
"""With which error, and while what is the case."""


class Boot(Enum):
    """What a boot into an image brings."""

    COMES_UP = auto()
    FALLS_BACK = auto()
    """The boot loader gives up and takes the image before."""
    DIES = auto()
    """It comes up, and the agent in it does not: the boot guard's case."""
    LOST = auto()
    """It was not finalized, and the image before comes up."""
    ELSEWHERE = auto()
    """Somebody else's image runs."""
    NOTHING = auto()
    """Userspace was restarted, and nothing changed."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How an update to an image has to end, if nobody interferes; `given_up` where it is quarantined."""

    outcome: str
    code: Code | None = None
    given_up: bool = False


SUCCEEDS: Final = Fate("succeeded")


def _always(_: State) -> bool:
    return True


def _never(_: State) -> bool:
    return False


def _first_attempt(state: State) -> bool:
    update = update_of(state)
    return update is None or update.attempt == 1


def _first_boot(state: State) -> bool:
    update = update_of(state)
    return update is not None and update.reboots <= 1


def _first_round(state: State) -> bool:
    return isinstance(state, Proving) and state.round == 1


def _first_way_back(state: State) -> bool:
    return isinstance(state, RollingBack) and state.tries == 0


def _first_boot_back(state: State) -> bool:
    return isinstance(state, RollingBack) and state.reboots <= 1


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One truth.

    Attributes:
        name: what it is called in reports.
        fate: how an update to it has to end.
        fails: by the engine's call (or `require`, or `reboot`), how and when it fails.
        differs: whether what is staged is not what was asked for.
        boot: what the boot brings, as long as `boots_so` holds; then it comes up.
        sick: when the health checks fail.
        back_lost: when a reboot on the way back does not bring the image before.
        hangs: whether the first reboot that is accepted does not come for some time.
        soft_only: whether only an engine that restarts userspace can show it.
    """

    name: str
    fate: Fate = SUCCEEDS
    fails: Mapping[str, Fails] = field(default_factory=dict)
    differs: bool = False
    boot: Boot = Boot.COMES_UP
    boots_so: Callable[[State], bool] = _always
    sick: Callable[[State], bool] = _never
    back_lost: Callable[[State], bool] = _never
    hangs: bool = False
    soft_only: bool = False

    @property
    def needs_reboot(self) -> bool:
        """Whether an engine that switches at once cannot show it."""
        lost = self.back_lost is not _never
        return self.boot is not Boot.COMES_UP or self.hangs or lost or "reboot" in self.fails


BUSY: Final = EngineError(Code.ENGINE_BUSY, "a transaction is in progress", retryable=True)
GONE: Final = EngineError(Code.IMAGE_NOT_FOUND, "no registry has it")
BROKEN: Final = EngineError(Code.ACTIVATE_FAILED, "the boot loader's entry cannot be written")
STUCK: Final = EngineError(Code.ROLLBACK_FAILED, "the previous image is gone")
REFUSED: Final = EngineError(Code.ACTIVATE_REFUSED, "a backup is running", retryable=True)
UNSIGNED: Final = TidegateError(Code.IMAGE_UNSIGNED, "nobody signed the image yet")

LEFT: Final = Fate("rolled-back", Code.HEALTH_FAILED, given_up=True)
STRANDED: Final = Fate("failed", Code.ROLLBACK_FAILED, given_up=True)

IMAGES: Final = (
    Image("good"),
    Image("staging busy once", fails={"stage": (BUSY, _first_attempt)}),
    Image("staging busy for good", Fate("failed", Code.ENGINE_BUSY), fails={"stage": (BUSY, _always)}),
    Image("nowhere", Fate("failed", Code.IMAGE_NOT_FOUND), fails={"stage": (GONE, _always)}),
    Image("signed late", fails={"require": (UNSIGNED, _first_attempt)}),
    Image("another digest", Fate("failed", Code.IMAGE_DIGEST_MISMATCH), differs=True),
    Image("activation busy once", fails={"activate": (BUSY, _first_attempt)}),
    Image("activation fails", Fate("failed", Code.ACTIVATE_FAILED), fails={"activate": (BROKEN, _always)}),
    Image("reboot refused once", fails={"reboot": (REFUSED, _first_attempt)}),
    Image(
        "reboot refused for good", Fate("failed", Code.ACTIVATE_REFUSED), fails={"reboot": (REFUSED, _always)}
    ),
    Image("reboot hangs", hangs=True),
    Image("soft reboot in vain", boot=Boot.NOTHING, soft_only=True),
    Image("sick", LEFT, sick=_always),
    Image("sick once", sick=_first_round),
    Image("falls back", Fate("rolled-back", Code.BOOT_FALLBACK, given_up=True), boot=Boot.FALLS_BACK),
    Image("agent dies in it", Fate("rolled-back", Code.BOOT_DEADLINE, given_up=True), boot=Boot.DIES),
    Image("lost once", boot=Boot.LOST, boots_so=_first_boot),
    Image("lost", Fate("failed", Code.BOOT_LOST, given_up=True), boot=Boot.LOST),
    Image("elsewhere", Fate("failed", Code.BOOT_LOST), boot=Boot.ELSEWHERE),
    Image("sick, way back busy once", LEFT, fails={"rollback": (BUSY, _first_way_back)}, sick=_always),
    Image("sick, reboot back refused once", LEFT, fails={"reboot": (REFUSED, _first_way_back)}, sick=_always),
    Image("sick, no way back", STRANDED, fails={"rollback": (STUCK, _always)}, sick=_always),
    Image("sick, boot back lost once", LEFT, sick=_always, back_lost=_first_boot_back),
    Image("sick, boot back lost", STRANDED, sick=_always, back_lost=_always),
)
"""Every truth, the plain one first."""

GOOD: Final = IMAGES[0]
NOWHERE: Final = next(image for image in IMAGES if image.name == "nowhere")
SICK: Final = next(image for image in IMAGES if image.name == "sick")

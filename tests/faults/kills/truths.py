"""The host's parts, each of which says what is true of the image that it deals with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.fakes.engine import FakeEngine
from tests.fakes.health import HEALTHY, SICK, FakeHealth
from tests.fakes.host import FakeHost
from tests.fakes.signatures import FakeImageSignatures
from tests.faults.kills.images import GOOD, Image
from tests.support.statements import digest_of
from tests.support.updates import NEW, OLD
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Activation, Health, ImageTarget, StageProgress, StageResult
    from tidegate_agent.update.states import State

THIRD: Final = digest_of("e")
"""Somebody else's image."""

OTHER: Final = digest_of("d")
"""What an engine stages that does not stage what it was asked for."""

UNREACHABLE: Final = EngineError(Code.IMAGE_UNREACHABLE, "no registry answers", retryable=True)


class Truth:
    """What is true on one host: of NEW as the world says, of every other image that it is good.

    Attributes:
        registry_away: whether no image can be fetched now.
    """

    def __init__(self, image: Image, state: Callable[[], State]) -> None:
        self._image, self._state = image, state
        self.registry_away = False

    def of(self, digest: str | None) -> Image:
        """What is true of this image."""
        return self._image if digest == NEW else GOOD

    def strike(self, call: str, digest: str | None) -> None:
        """Fail, if this call for this image fails now."""
        if call in self.of(digest).fails:
            error, while_ = self.of(digest).fails[call]
            if while_(self._state()):
                raise error

    def is_sick(self, digest: str | None) -> bool:
        """Whether the host is not well in this image now."""
        return self.of(digest).sick(self._state())


class TrueEngine(FakeEngine):
    """An image engine of which the truth is told; `soft` restarts userspace alone.

    Attributes:
        amid: called in the midst of a staging.
    """

    def __init__(self, truth: Truth, *, reboots: bool, soft: bool) -> None:
        super().__init__(OLD, reboots=reboots)
        self._truth, self._soft = truth, soft
        self.amid: Callable[[], None] = lambda: None

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        self._truth.strike("stage", target.digest)
        if self._truth.registry_away:
            raise UNREACHABLE
        if self._truth.of(target.digest).differs:
            target = replace(target, digest=OTHER)

        def amid(at: StageProgress) -> None:
            # What comes now has missed the last look at whether to go on.
            if at.percent == 50:
                self.amid()
            progress(at)

        return super().stage(target, amid, cancelled)

    def activate(self, digest: str) -> Activation:
        self._truth.strike("activate", digest)
        return self._softly(super().activate(digest))

    def rollback(self, digest: str) -> Activation:
        if self.disk.status.current != digest:
            self._truth.strike("rollback", self.disk.status.current)
        return self._softly(super().rollback(digest))

    def _softly(self, done: Activation) -> Activation:
        return replace(done, soft=self._soft and done.reboot_required)


class TrueHealth(FakeHealth):
    """Finds of each image what is true of it."""

    def __init__(self, truth: Truth, engine: TrueEngine) -> None:
        super().__init__()
        self._truth, self._engine = truth, engine

    def run(self) -> Health:
        return SICK if self._truth.is_sick(self._engine.disk.status.current) else HEALTHY


class TrueSignatures(FakeImageSignatures):
    """Knows which image is signed."""

    def __init__(self, truth: Truth) -> None:
        super().__init__()
        self._truth = truth

    def require(self, target: ImageTarget, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        self._truth.strike("require", target.digest)
        return super().require(target, cancelled)


class TrueHost(FakeHost):
    """Refuses a reboot where the world says so."""

    def __init__(self, truth: Truth) -> None:
        super().__init__()
        self._truth = truth

    def reboot(self, reason: str, *, soft: bool = False) -> None:
        self._truth.strike("reboot", NEW)
        super().reboot(reason, soft=soft)

"""What the tests of the bootc engine do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.support.standins.bootc_host import NEW, OLD
from tidegate_agent.engines.bootc.values import Times, Wishes
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.standins.bootc_host import BootcHost
    from tidegate_agent.engines.bootc.engine import BootcEngine
    from tidegate_agent.model import ImageTarget, StageProgress

WISHES: Final = Wishes(reserve=Reserve(0, 0))
TIMES: Final = Times(status_s=60, change_s=60, stage_s=60, stall_s=60)
RELEASES: Final = pytest.mark.parametrize("release", [OLD, NEW], ids=["old", "new"])


def stage(engine: BootcEngine, target: ImageTarget) -> list[StageProgress]:
    """Stage; what was told of the progress."""
    seen: list[StageProgress] = []
    engine.stage(target, seen.append, lambda: False)
    return seen


def update(host: BootcHost, target: ImageTarget) -> None:
    """Stage, activate, boot."""
    engine = host.engine()
    stage(engine, target)
    engine.activate(target.digest)
    host.boot()


def failure(act: Callable[[], object]) -> EngineError:
    """The error that this ends with."""
    with pytest.raises(EngineError) as caught:
        act()
    return caught.value


def commands(host: BootcHost, *names: str) -> list[list[str]]:
    """The command lines so far that change something, or those of these commands."""
    quiet = ("status",)
    return [
        call[1:]
        for call in host.calls
        if "--help" not in call and (call[1] in names if names else call[1] not in quiet)
    ]

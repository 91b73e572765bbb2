"""What the contract's tests do again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from tests.contract.engines.place import Place
    from tidegate_agent.model import ImageTarget, StageResult
    from tidegate_agent.ports import ImageEngine


def stage(engine: ImageEngine, target: ImageTarget) -> StageResult:
    """Stage without looking at the progress."""
    return engine.stage(target, lambda _: None, lambda: False)


def update(place: Place, target: ImageTarget) -> None:
    """Stage, activate, boot."""
    stage(place.engine, target)
    place.engine.activate(target.digest)
    place.boot()


def two_versions(place: Place) -> tuple[str, str]:
    """The digests of two images that ran one after the other: the previous one and the current one."""
    first, second = place.image("1"), place.image("2")
    update(place, first)
    update(place, second)
    return first.digest, second.digest


def refused(place: Place, target: ImageTarget) -> Code:
    """The code of the error that staging ends with."""
    with pytest.raises(TidegateError) as caught:
        stage(place.engine, target)
    return caught.value.code

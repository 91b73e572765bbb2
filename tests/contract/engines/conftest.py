"""The place, once for each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.engines.places import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.engines.place import Place


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.real(program) for program in kind.programs])
        for name, kind in PLACES.items()
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    place = PLACES[request.param].make(tmp_path)
    try:
        yield place
    finally:
        place.close()

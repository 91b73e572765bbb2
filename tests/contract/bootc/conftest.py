"""A host with the stand-in of bootc, of a newer release unless a test says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.support.standins.bootc_host import NEW, BootcHost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def release() -> dict[str, bool]:
    return NEW


@pytest.fixture
def host(tmp_path: Path, release: dict[str, bool]) -> BootcHost:
    return BootcHost(tmp_path / "host", release)


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="DEBUG")
    yield lines
    logger.remove(sink)

"""One browser for all tests in this folder, and pages that fail the test for whatever goes wrong on them.

Tests mark themselves `real("chromium")`. Pictures stay in TIDEGATE_ARTEFACTS/browser, if that is set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import find_program
from tests.support.browsing import Browsing, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after this folder's last test: later ones need the thread's own event loop."""
    program = find_program("chromium")
    assert program is not None
    with chromium(program) as started:
        yield started


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots."""
    artefacts = os.environ.get("TIDEGATE_ARTEFACTS")
    folder = Path(artefacts) / "browser" if artefacts else tmp_path_factory.mktemp("browser")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def browsing(browser: Browser, pictures: Path) -> Iterator[Browsing]:
    """Opens pages, keeps pictures, checks layout and accessibility."""
    pages = Browsing(browser, pictures)
    yield pages
    pages.close()


@pytest.fixture
def page(browsing: Browsing) -> Page:
    """A page on a desktop, 1440 by 900."""
    return browsing.page("desktop")


@pytest.fixture
def phone(browsing: Browsing) -> Page:
    """A page on a phone, 390 by 844, with touch."""
    return browsing.page("phone")

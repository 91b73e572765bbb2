"""A host with the stand-in of rpm-ostree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.rpm_ostree_site import RpmOstreeSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RpmOstreeSite]:
    site = RpmOstreeSite(tmp_path)
    try:
        yield site
    finally:
        site.close()

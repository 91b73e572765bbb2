"""What the tests of the whole chain share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.debian import make_root, split_root
from tidegate_publisher.devstack.sigstore import LocalSigstore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def sigstore() -> LocalSigstore:
    """The Sigstore that hosts trust."""
    return LocalSigstore.create()


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A real Debian root file system in two tars; see `tests.support.debian`."""
    folder = tmp_path_factory.mktemp("debian")
    return split_root(make_root(folder), folder)

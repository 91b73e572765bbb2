"""A layout to build images in, and a store beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from loguru import logger

from tests.support.layouts import ImageBuilder
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.model import ImageTarget, StageResult
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.codes import Code


class Site:
    """An engine, and images for it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "store"
        self.builder = ImageBuilder(folder / "layout")

    def engine(self, *on_switch: str, limits: Limits | None = None, timeout: float = 20) -> EmbeddedEngine:
        return EmbeddedEngine(
            self.root, lambda name: LayoutSource(Path(name)), on_switch, limits or Limits(), timeout
        )

    def target(self, digest: str, *references: str, arch: str = "amd64") -> ImageTarget:
        return ImageTarget(digest, references or (str(self.builder.folder),), arch)

    def stage(self, digest: str, limits: Limits | None = None) -> StageResult:
        return self.engine(limits=limits).stage(self.target(digest), lambda _: None, lambda: False)

    def run(self, digest: str) -> None:
        """Stage and activate."""
        self.stage(digest)
        self.engine().activate(digest)

    def refusal(self, digest: str, limits: Limits | None = None) -> Code:
        """The code that staging is refused with, after which nothing is left of it."""
        before = self.engine().status()
        with pytest.raises(TidegateError) as caught:
            self.stage(digest, limits)
        assert self.engine().status() == before
        assert self.files("incoming") == []
        assert not (self.root / "generations" / digest.removeprefix("sha256:")).exists()
        return caught.value.code

    def rootfs(self, digest: str) -> Path:
        return self.root / "generations" / digest.removeprefix("sha256:") / "rootfs"

    def files(self, folder: str) -> list[Path]:
        return [path for path in (self.root / folder).rglob("*") if not path.is_dir()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged from now on, a message each."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)

"""Who may write to the store, and who may read in it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import file
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.agent.embedded.conftest import Site


@pytest.fixture
def strict_umask() -> Iterator[None]:
    """As the agent's unit has it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("strict_umask")
def test_applications_can_read_their_image_whatever_the_umask(site: Site) -> None:
    digest = site.builder.layer([file("app", b"1")]).build()
    site.run(digest)
    on_the_way = [site.root, site.root / "generations", site.rootfs(digest).parent, site.rootfs(digest)]
    links = (site.root / "links").resolve()
    assert [mode(path) for path in (*on_the_way, links.parent, links)] == [0o755] * 6
    # Who can open the lock, if only to read, could hold it and end all updates.
    private = [site.root / name for name in ("objects", "layers", "incoming")]
    assert [mode(path) for path in private] == [0o700] * 3
    assert mode(site.root / "lock") == 0o600


def test_a_store_that_others_can_write_to_is_refused(site: Site) -> None:
    site.root.mkdir()
    site.root.chmod(0o777)
    digest = site.builder.layer([file("app", b"1")]).build()
    with pytest.raises(TidegateError, match="others than user") as caught:
        site.stage(digest)
    assert caught.value.code is Code.CONFIG_VALUE
    assert list(site.root.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_store_of_another_user_is_refused(site: Site) -> None:
    site.root.mkdir()
    os.chown(site.root, 65534, 65534)
    with pytest.raises(TidegateError, match="belongs to user 65534"):
        site.stage(site.builder.layer([file("app", b"1")]).build())


@pytest.mark.parametrize(
    "planted", ["lock", "incoming", "incoming/objects", "objects", "generations", ".links"]
)
def test_links_that_were_planted_in_the_store_lead_nowhere(site: Site, planted: str) -> None:
    outside = site.root.parent / "outside"
    (outside / "objects").mkdir(parents=True)
    (outside / "precious").write_text("precious")
    (site.root / planted).parent.mkdir(parents=True)
    (site.root / planted).symlink_to(outside / "precious" if planted == "lock" else outside)
    with pytest.raises(TidegateError):
        site.stage(site.builder.layer([file("app", b"1")]).build())
    assert sorted(path.name for path in outside.iterdir()) == ["objects", "precious"]
    assert (outside / "precious").read_text() == "precious"


def test_a_store_may_be_reached_through_a_link(site: Site) -> None:
    real = site.root.parent / "disk"
    real.mkdir(mode=0o755)
    site.root.symlink_to(real)
    digest = site.builder.layer([file("app", b"1")]).build()
    site.run(digest)
    assert (site.root / "current" / "rootfs" / "app").read_bytes() == b"1"

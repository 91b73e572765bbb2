"""What an application may write to is read back before it is used: step 9 of the order of verification."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support.layouts import Item, directory, file, symlink
from tidegate_agent.engines.embedded.content import content_digest
from tidegate_agent.engines.embedded.info import read_info
from tidegate_agent.model import ImageStatus
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.agent.embedded.conftest import Site

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's store is out of applications' reach")

APP = {"uid": 65534, "gid": 65534}


def alter(path: Path, content: bytes = b"evil") -> None:
    """Write to a file and set its time back, as its owner could."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def refused(site: Site, digest: str) -> str:
    """The reason why activation is refused, after which all is as before."""
    before = site.engine().status()
    with pytest.raises(TidegateError) as caught:
        site.engine().activate(digest)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
    assert site.engine().status() == before
    return caught.value.reason


@pytest.mark.parametrize("exposed", [APP, {"mode": 0o666}, {"mode": 0o664}], ids=["owned", "all", "group"])
def test_what_was_altered_since_it_was_staged_is_not_activated(site: Site, exposed: dict[str, int]) -> None:
    digest = site.builder.layer([directory("d"), file("d/data", b"good", **exposed), file("root")]).build()
    site.stage(digest)
    alter(site.rootfs(digest) / "d/data")
    reason = refused(site, digest)
    assert reason == f"{digest} is not what was staged: /d/data has another content"


def test_what_the_running_application_altered_is_not_activated_in_the_next_image(site: Site) -> None:
    first = site.builder.layer([file("data", b"good", **APP)]).build()
    second = site.builder.upon(first).layer([file("top", b"2")]).build()
    site.run(first)
    site.stage(second)
    alter(site.rootfs(first) / "data")
    assert "/data has another content" in refused(site, second)
    assert site.engine().status().current == first


def test_an_altered_image_that_is_staged_again_is_laid_out_anew(site: Site, logged: list[str]) -> None:
    digest = site.builder.layer([file("data", b"good", **APP), file("other", b"1")]).build()
    site.stage(digest)
    alter(site.rootfs(digest) / "data")
    result = site.stage(digest)
    assert (result.files_new, result.files_reused) == (1, 1)
    assert [line for line in logged if "laid out anew" in line and "/data" in line]
    assert (site.rootfs(digest) / "data").read_bytes() == b"good"
    site.engine().activate(digest)
    assert site.engine().verify(digest) == []
    assert site.files("incoming") == []


def test_the_previous_image_staged_again_is_laid_out_anew_and_the_current_one_untouched(site: Site) -> None:
    first = site.builder.layer([file("data", b"good", **APP)]).build()
    second = site.builder.upon(first).layer([file("top", b"2")]).build()
    site.run(first)
    site.run(second)
    alter(site.rootfs(first) / "data")
    site.stage(first)
    assert site.engine().status() == ImageStatus(second, first, first)
    assert (site.rootfs(first) / "data").read_bytes() == b"good"
    assert (site.rootfs(second) / "data").read_bytes() == b"evil"
    site.engine().activate(first)
    assert site.engine().status() == ImageStatus(first, None, second)


def test_the_current_image_is_never_replaced_under_its_application(site: Site) -> None:
    digest = site.builder.layer([file("data", b"good", **APP)]).build()
    site.run(digest)
    alter(site.rootfs(digest) / "data")
    with pytest.raises(TidegateError, match="/data has another content") as caught:
        site.stage(digest)
    assert caught.value.code is Code.IMAGE_DIGEST_MISMATCH
    assert site.engine().status() == ImageStatus(digest, None, None)
    assert (site.rootfs(digest) / "data").read_bytes() == b"evil"


OWNED: list[Item] = [
    directory("app", **APP),
    directory("app/x"),
    file("app/x/run", b"x", mtime=1),
    directory("app/y"),
    file("app/y/run", b"y", mtime=1),
    symlink("app/link", "x"),
]


def test_all_below_a_directory_of_the_applications_is_looked_at(site: Site) -> None:
    digest = site.builder.layer(OWNED).build()
    site.stage(digest)
    app = site.rootfs(digest) / "app"
    (app / "x").rename(app / "z")
    (app / "y").rename(app / "x")
    (app / "z").rename(app / "y")
    assert "/app/x/run has another content and 1 more" in refused(site, digest)


@pytest.mark.parametrize(
    ("name", "found"), [("more", "/app/more was added"), ("link", "/app/link leads elsewhere")]
)
def test_names_in_a_directory_of_the_applications_count(site: Site, name: str, found: str) -> None:
    digest = site.builder.layer(OWNED).build()
    site.stage(digest)
    path = site.rootfs(digest) / "app" / name
    path.unlink(missing_ok=True)
    path.symlink_to("/etc")
    assert found in refused(site, digest)
    path.unlink()
    if name == "link":
        assert "/app/link is missing" in refused(site, digest)
    else:
        site.engine().activate(digest)


def test_everybodys_directory_is_everybodys_but_not_what_an_application_owns_there(site: Site) -> None:
    items = [directory("tmp", mode=0o1777), file("tmp/root", b"1"), symlink("tmp/own", "root", **APP)]
    digest = site.builder.layer(items).build()
    site.stage(digest)
    tmp = site.rootfs(digest) / "tmp"
    (tmp / "planted").touch()
    (tmp / "own").unlink()
    assert refused(site, digest).endswith("/tmp/own is missing")
    (tmp / "own").symlink_to("root")
    os.lchown(tmp / "own", APP["uid"], APP["gid"])
    site.engine().activate(digest)


def test_an_image_that_exposes_nothing_costs_no_reading(site: Site) -> None:
    items = [directory("tmp", mode=0o1777), symlink("link", "tmp"), file("data", b"good")]
    digest = site.builder.layer(items).build()
    site.stage(digest)
    info = read_info(site.rootfs(digest).parent)
    assert info is not None
    assert info.exposed == 0
    for record in site.files("layers"):
        record.unlink()
    assert site.stage(digest).bytes_fetched == 0
    site.engine().activate(digest)


def test_an_exposed_image_that_cannot_be_compared_is_laid_out_anew(site: Site, logged: list[str]) -> None:
    digest = site.builder.layer([file("data", b"good", **APP)]).build()
    site.stage(digest)
    for record in site.files("layers"):
        record.unlink()
    with pytest.raises(TidegateError) as caught:
        site.engine().activate(digest)
    assert caught.value.code is Code.DISK_IO
    assert site.stage(digest).bytes_fetched > 0
    assert any("cannot be compared" in line for line in logged)
    site.engine().activate(digest)


def test_reading_back_can_be_cancelled(site: Site) -> None:
    digest = site.builder.layer([file("data", b"good", **APP)]).build()
    site.stage(digest)
    with pytest.raises(Cancelled):
        site.engine().stage(site.target(digest), lambda _: None, lambda: True)


def test_reading_back_follows_nothing_waits_for_nothing_and_ends(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        (tmp_path / "grown").touch()
        os.truncate(tmp_path / "grown", 1 << 40)
        assert content_digest("grown", folder, 5) is None
        os.mkfifo(tmp_path / "fifo")
        assert content_digest("fifo", folder, 0) == content_digest("/dev/null", folder, 0)
        (tmp_path / "link").symlink_to("grown")
        with pytest.raises(OSError, match="symbolic links"):
            content_digest("link", folder, 5)
    finally:
        os.close(folder)

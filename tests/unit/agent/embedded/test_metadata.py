"""What a user or a file system cannot set on files, and that it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.layouts import file
from tidegate_agent.engines.embedded.metadata import Metadata, left_out
from tidegate_agent.engines.images.entry import Entry, Kind

if TYPE_CHECKING:
    from tests.unit.agent.embedded.conftest import Site

STRANGE = {"strange.attribute": "1"}


def test_what_cannot_be_set_is_told_once_for_each_staging(site: Site, logged: list[str]) -> None:
    items = [file("a", b"1", xattrs=STRANGE), file("b", b"2", xattrs=STRANGE), file("c", b"3")]
    digest = site.builder.layer(items).build()
    site.stage(digest)
    told = [line for line in logged if "xattr strange.attribute of 2" in line]
    assert len(told) == 1
    assert digest in told[0]
    site.stage(digest)
    assert len([line for line in logged if "lacks" in line]) == 1


def test_a_user_without_privilege_counts_owners_devices_and_attributes() -> None:
    metadata = Metadata(1000, 1000)
    capable = ((b"security.capability", b"1"), (b"user.kept", b"1"))
    for _ in range(3):
        metadata.note(Entry(b"a", Kind.FILE, 0o644, uid=0, gid=0, xattrs=capable[1:]))
    metadata.note(Entry(b"b", Kind.FILE, 0o644, uid=1000, gid=1000, xattrs=capable))
    assert not metadata.can_make(Entry(b"null", Kind.CHAR, 0o666))
    assert left_out(metadata.notes) == "owner of 3, device of 1, xattr security.capability of 1"


def test_names_out_of_an_image_cannot_flood_or_forge_the_log() -> None:
    notes = {f"xattr user.{number}\x1b[2J" + "x" * 1000: 1 for number in range(1000)}
    told = left_out(notes)
    assert told.endswith("995 kinds more")
    assert len(told) < 600
    assert "\x1b" not in told

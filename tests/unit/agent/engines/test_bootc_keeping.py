"""What the bootc engine keeps on disk and looks at there: notes, the way back, credentials, stamps, turns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.standins import bootc_status
from tidegate_agent.engines.bootc.credentials import Credentials, in_force
from tidegate_agent.engines.bootc.fallback import write_fallback
from tidegate_agent.engines.bootc.notes import Note, Notes
from tidegate_agent.engines.bootc.status import Entry, Image, parse_status
from tidegate_agent.engines.bootc.turns import turn
from tidegate_agent.engines.finalizing import STAMP, last_failure
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST, INDEX, OTHER = (f"sha256:{letter * 64}" for letter in "abc")


def entry(reference: str, manifest: str = MANIFEST) -> Entry:
    image = Image(reference, "registry", manifest)
    return Entry(image, incompatible=False, locked=False, soft_rebootable=False)


def test_a_note_finds_the_announced_digest_where_the_reference_lost_it(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "deep" / "notes.json")
    by_tag = entry("r.example/os:stable")
    assert notes.announced(by_tag) == MANIFEST
    notes.add(Note(INDEX, f"r.example/os@{INDEX}", MANIFEST))
    assert Notes(tmp_path / "deep" / "notes.json").announced(by_tag) == INDEX
    assert notes.manifest(INDEX) == MANIFEST
    assert notes.manifest(OTHER) is None


def test_the_reference_itself_comes_before_any_note(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes.json")
    notes.add(Note(INDEX, "…", MANIFEST))
    assert notes.announced(entry(f"r.example/os@{OTHER}")) == OTHER


@pytest.mark.parametrize("empty", [None, Entry(None, incompatible=True, locked=False, soft_rebootable=False)])
def test_without_an_image_there_is_no_digest(tmp_path: Path, empty: Entry | None) -> None:
    assert Notes(tmp_path / "notes.json").announced(empty) is None


def test_the_newest_note_counts_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "notes.json")
    for number in range(40):
        notes.add(Note(f"announced {number}", "…", f"manifest {number}"))
    notes.add(Note("announced 39", "…", "another"))
    assert notes.manifest("announced 39") == "another"
    assert notes.manifest("announced 24") is not None
    assert notes.manifest("announced 23") is None
    assert [path.name for path in tmp_path.iterdir()] == ["notes.json"]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"a": 1}', b"[1]", b'[{"announced": "x"}]', b"\xff"])
def test_damaged_notes_are_begun_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "notes.json").write_bytes(damage)
    notes = Notes(tmp_path / "notes.json")
    assert notes.manifest(INDEX) is None
    notes.add(Note(INDEX, "…", MANIFEST))
    assert notes.manifest(INDEX) == MANIFEST


def test_notes_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError) as caught:
        Notes(tmp_path / "file" / "notes.json").add(Note(INDEX, "…", MANIFEST))
    assert caught.value.code is Code.STAGE_FAILED


def test_the_way_back_differs_in_the_boot_order_only(tmp_path: Path) -> None:
    document = bootc_status.host(None, None, None)
    document["spec"]["image"] = {"image": f"r.example/os@{INDEX}", "transport": "registry"}
    write_fallback(tmp_path / "fallback.json", parse_status(document))
    written = json.loads((tmp_path / "fallback.json").read_text())
    assert written["spec"] == {**document["spec"], "bootOrder": "rollback"}
    assert (written["apiVersion"], written["kind"]) == (document["apiVersion"], document["kind"])


def credentials(folder: Path) -> tuple[Credentials, Path]:
    file = folder / "mine.json"
    file.write_text("{}")
    return Credentials(file, folder / "etc", folder / "run"), folder / "run" / "ostree" / "auth.json"


def test_credentials_are_linked_where_bootc_reads_them(tmp_path: Path) -> None:
    ours, link = credentials(tmp_path)
    for _ in range(2):
        ours.provide()
        assert link.readlink() == tmp_path / "mine.json"
    link.unlink()
    link.symlink_to(tmp_path / "of an earlier configuration")
    ours.provide()
    assert link.samefile(tmp_path / "mine.json")


def test_without_a_configured_file_nothing_is_touched(tmp_path: Path) -> None:
    Credentials(None, tmp_path / "etc", tmp_path / "run").provide()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["etc", "run"])
def test_another_file_that_bootc_would_read_is_named(tmp_path: Path, place: str) -> None:
    ours, _ = credentials(tmp_path)
    other = tmp_path / place / "ostree" / "auth.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    with pytest.raises(EngineError, match=str(other)) as caught:
        ours.provide()
    assert caught.value.code is Code.IMAGE_UNAUTHORIZED
    assert other.read_text() == "{}"


def test_the_hosts_own_link_to_the_same_file_will_do(tmp_path: Path) -> None:
    ours, link = credentials(tmp_path)
    own = tmp_path / "etc" / "ostree" / "auth.json"
    own.parent.mkdir(parents=True)
    own.symlink_to(tmp_path / "mine.json")
    ours.provide()
    assert not link.exists()


def test_missing_credentials_are_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no file .*gone\.json"):
        Credentials(tmp_path / "gone.json", tmp_path, tmp_path).provide()


def test_the_first_of_the_places_for_credentials_counts(tmp_path: Path) -> None:
    assert in_force(tmp_path) is None
    for folder in ("usr/lib", "run", "etc"):
        place = tmp_path / folder / "ostree" / "auth.json"
        place.parent.mkdir(parents=True)
        place.write_text("{}")
        assert in_force(tmp_path) == place


def test_a_failed_finalizing_is_told_of(tmp_path: Path) -> None:
    assert last_failure(tmp_path) is None
    (tmp_path / STAMP).parent.mkdir()
    (tmp_path / STAMP).write_text("error: Refreshing policy:\nexit 1\x1b[2J\n")
    told = last_failure(tmp_path)
    assert told is not None
    assert "error: Refreshing policy:\N{RETURN SYMBOL}exit 1" in told
    assert "\x1b" not in told
    (tmp_path / STAMP).write_text("")
    assert "it does not say why" in (last_failure(tmp_path) or "")


def test_a_turn_is_had_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    with turn(path, Code.STAGE_FAILED):
        with (
            pytest.raises(EngineError, match="another image engine") as caught,
            turn(path, Code.STAGE_FAILED),
        ):
            raise AssertionError("two at once")
        assert caught.value.code is Code.ENGINE_BUSY
    with turn(path, Code.STAGE_FAILED):
        pass

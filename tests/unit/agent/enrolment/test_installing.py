"""All files of an enrolment are there, or none; other people's stay; the same again changes nothing."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from tests.support.enrolling import enrol, mount, tree, values
from tidegate_agent.config import load
from tidegate_agent.enrolment.installing import install
from tidegate_agent.enrolment.plan import Planned
from tidegate_agent.enrolment.stepwise import replace_one_by_one
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable

    Install = Callable[..., None]


class Cut(BaseException):
    """What ends a process in the middle."""


@pytest.fixture
def content(tmp_path: Path) -> dict[str, bytes]:
    return values(tmp_path / "pki")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "tidegate"


def source(tmp_path: Path, content: dict[str, bytes], name: str = "cm") -> Path:
    return mount(tmp_path / name, content)


def identities(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(each): (each.stat().st_ino, each.stat().st_mtime_ns) for each in folder.rglob("*")}


def test_the_same_again_changes_nothing(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    assert enrol(source(tmp_path, content), "--into", etc).status == 0
    before = identities(etc)
    said = enrol(tmp_path / "cm", "--into", etc)
    assert said.status == 0
    assert said.out.splitlines()[0] == f"unchanged: {etc} holds all of it already"
    assert "next:" not in said.out
    assert identities(etc) == before


def test_a_dry_run_writes_nothing(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    said = enrol(source(tmp_path, content), "--into", etc, "--dry-run")
    assert said.status == 0
    assert said.out.splitlines()[0] == f"would write {etc}; nothing was written"
    assert f"  new        0600  {etc}/host.key" in said.out
    assert not etc.parent.exists()


def test_a_changed_value_and_one_that_is_gone(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    assert (
        enrol(source(tmp_path, content | {"60-log.toml": b'[log]\nlevel="debug"\n'}), "--into", etc).status
        == 0
    )
    mount(tmp_path / "cm", content | {"bus-password": b"new"}, "..2026_11_24")
    (tmp_path / "cm" / "60-log.toml").unlink()
    said = enrol(tmp_path / "cm", "--into", etc)
    assert said.status == 0
    assert f"  changed    0600  {etc}/bus-password" in said.out
    assert f"  removed          {etc}/agent.toml.d/60-log.toml" in said.out
    assert f"  unchanged  0600  {etc}/host.key" in said.out
    assert load((etc,)).settings.bus.read_password() == "new"
    assert load((etc,)).settings.log.level == "info"


def test_what_others_keep_there_stays_as_it_is(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    (etc / "agent.toml.d").mkdir(parents=True)
    (etc / "agent.toml.d" / "50-mine.toml").write_text('[log]\nlevel = "debug"\n')
    (etc / "device.key").write_text("secret")
    (etc / "device.key").chmod(0o600)
    (etc / "notes" / "deep").mkdir(parents=True)
    (etc / "notes" / "deep").chmod(0o700)
    (etc / "notes" / "deep" / "file").write_text("x")
    (etc / "link").symlink_to("nowhere")
    etc.chmod(0o750)
    before = identities_of_files(etc)
    assert enrol(source(tmp_path, content), "--into", etc).status == 0
    assert identities_of_files(etc).items() >= before.items()
    assert (etc / "link").readlink() == Path("nowhere")
    assert (etc / "notes" / "deep").stat().st_mode & 0o777 == 0o700
    assert etc.stat().st_mode & 0o777 == 0o750
    assert load((etc,)).settings.log.level == "debug"


def identities_of_files(folder: Path) -> dict[str, tuple[int, int]]:
    found = [each for each in folder.rglob("*") if each.is_file()]
    return {str(each): (each.stat().st_ino, each.stat().st_mode) for each in found}


def test_a_file_that_somebody_else_wrote_is_not_replaced_unasked(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    etc.mkdir(parents=True)
    (etc / "ca.pem").write_text("mine")
    said = enrol(source(tmp_path, content), "--into", etc)
    assert said.status == 1
    assert f"{etc}/ca.pem: not written by enrol, or changed since" in said.err
    assert (etc / "ca.pem").read_text() == "mine"
    assert len(list(etc.iterdir())) == 1
    assert enrol(tmp_path / "cm", "--into", etc, "--force").status == 0
    assert (etc / "ca.pem").read_bytes() == content["ca.pem"]


def test_a_file_that_was_changed_since_is_not_replaced_or_removed_unasked(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    assert enrol(source(tmp_path, content), "--into", etc).status == 0
    with (etc / "agent.toml.d" / "20-trust.toml").open("a") as file:
        file.write("# mine\n")
    assert "20-trust.toml: not written by enrol" in enrol(tmp_path / "cm", "--into", etc).err
    trust = content.pop("20-trust.toml")
    moved = source(tmp_path, content | {"30-trust.toml": trust}, "moved")
    assert "20-trust.toml: not written by enrol" in enrol(moved, "--into", etc).err
    assert enrol(moved, "--into", etc, "--force").status == 0
    assert not (etc / "agent.toml.d" / "20-trust.toml").exists()


def test_a_link_in_the_way_is_never_written_through(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    etc.mkdir(parents=True)
    (tmp_path / "precious").write_text("precious")
    (etc / "host.key").symlink_to(tmp_path / "precious")
    assert enrol(source(tmp_path, content), "--into", etc).status == 1
    assert enrol(tmp_path / "cm", "--into", etc, "--force").status == 0
    assert not (etc / "host.key").is_symlink()
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_folder_in_the_way_is_never_replaced(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    (etc / "host.key" / "x").mkdir(parents=True)
    said = enrol(source(tmp_path, content), "--into", etc, "--force")
    assert "host.key is in the way, and no plain file" in said.err
    assert (etc / "host.key" / "x").is_dir()


def test_a_record_that_was_damaged_or_forged(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    assert enrol(source(tmp_path, content), "--into", etc).status == 0
    (etc / ".enrolled.json").write_text('{"files": {"../../precious": "00", "/etc/passwd": "00"}}')
    (tmp_path / "precious").write_text("precious")
    said = enrol(tmp_path / "cm", "--into", etc, "--force")
    assert said.status == 0
    assert "precious" not in said.out
    assert "/etc/passwd" not in said.out
    assert (tmp_path / "precious").exists()
    (etc / ".enrolled.json").write_text("{")
    assert "is damaged: remove it, and enrol again" in enrol(tmp_path / "cm", "--into", etc).err


def test_the_folder_has_to_be_nobody_elses(tmp_path: Path, etc: Path, content: dict[str, bytes]) -> None:
    etc.mkdir(parents=True)
    etc.chmod(0o777)
    said = enrol(source(tmp_path, content), "--into", etc)
    assert "is not the agent's alone: other users may write to it" in said.err
    assert list(etc.iterdir()) == []


def test_a_link_that_leads_to_the_folder_stays_a_link(
    tmp_path: Path, etc: Path, content: dict[str, bytes]
) -> None:
    etc.mkdir(parents=True)
    (tmp_path / "link").symlink_to(etc)
    assert enrol(source(tmp_path, content), "--into", tmp_path / "link").status == 0
    assert (tmp_path / "link").is_symlink()
    assert load((tmp_path / "link",)).settings.bus.ca == tmp_path / "link" / "ca.pem"
    assert (etc / "ca.pem").exists()


def planned(**content: bytes) -> dict[PurePosixPath, Planned]:
    return {PurePosixPath(name): Planned(value, 0o600, "here") for name, value in content.items()}


@pytest.mark.parametrize("way", [install, replace_one_by_one])
@pytest.mark.parametrize("fault", [TidegateError(Code.CONFIG_VALUE, "no"), OSError(5, "broken"), Cut()])
def test_everything_is_as_before_when_the_new_files_are_not_taken(
    etc: Path, way: Install, fault: BaseException
) -> None:
    (etc / "sub").mkdir(parents=True)
    (etc / "a").write_text("old a")
    (etc / "gone").write_text("going")
    (etc / "sub" / "b").write_text("old b")
    before = tree(etc)
    seen = {}

    def check() -> None:
        seen.update({name: value for name, (_, value) in tree(etc).items() if ".tidegate" not in name})
        raise fault

    with pytest.raises(type(fault)):
        way(etc, planned(a=b"new a", c=b"new c"), [PurePosixPath("gone")], check)
    assert seen == {"a": b"new a", "c": b"new c", "sub/b": b"old b"}
    assert tree(etc) == before
    assert [each.name for each in etc.parent.iterdir()] == ["tidegate"]


@pytest.mark.parametrize("way", [install, replace_one_by_one])
def test_both_ways_lead_to_the_same(etc: Path, way: Install) -> None:
    etc.mkdir(parents=True)
    (etc / "a").write_text("old a")
    (etc / "gone").write_text("going")
    files = planned(a=b"new a", **{"agent.toml.d/c.toml": b""})
    way(etc, files, [PurePosixPath("gone")], lambda: None)
    assert tree(etc) == {"a": (0o600, b"new a"), "agent.toml.d/c.toml": (0o600, b"")}
    assert [each.name for each in etc.parent.iterdir()] == ["tidegate"]
    assert sorted(each.name for each in etc.iterdir()) == ["a", "agent.toml.d"]


def test_a_first_enrolment_that_is_not_taken_leaves_no_folder(etc: Path) -> None:
    def check() -> None:
        raise TidegateError(Code.CONFIG_VALUE, "no")

    with pytest.raises(TidegateError):
        install(etc, planned(a=b"a"), [], check)
    assert list(etc.parent.iterdir()) == []


def test_what_was_put_there_meanwhile_is_brought_along(etc: Path) -> None:
    etc.mkdir(parents=True)
    old = os.open(etc, os.O_RDONLY)
    try:

        def check() -> None:
            handle = os.open("hold", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=old)
            os.close(handle)

        install(etc, planned(a=b"a"), [], check)
    finally:
        os.close(old)
    assert sorted(each.name for each in etc.iterdir()) == ["a", "hold"]


def test_what_a_killed_enrolment_left_is_swept_up(etc: Path) -> None:
    (etc.parent / ".tidegate-enrol-x" / "agent.toml.d").mkdir(parents=True)
    (etc / ".tidegate-enrol-y").mkdir(parents=True)
    install(etc, planned(a=b"a"), [], lambda: None)
    assert [each.name for each in etc.parent.iterdir()] == ["tidegate"]
    assert [each.name for each in etc.iterdir()] == ["a"]


def test_a_folder_that_is_no_configuration_is_not_taken_apart(etc: Path) -> None:
    etc.mkdir(parents=True)
    for number in range(10_001):
        (etc / str(number)).touch()
    with pytest.raises(TidegateError, match="it is no folder of configuration"):
        install(etc, planned(a=b"a"), [], lambda: None)
    assert len(list(etc.iterdir())) == 10_001
    assert [each.name for each in etc.parent.iterdir()] == ["tidegate"]

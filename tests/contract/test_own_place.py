"""What the agent believes is its own is its own: nobody else can write there, and nothing leads elsewhere."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import pytest

from tidegate_agent.adapters.alone import alone
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.adapters.root_tuf import Repository, TufRoot
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")

MADE: Final = ["journal.db", "journal.db-shm", "journal.db-wal", "safeguard.json"]


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o002)
    yield
    os.umask(before)


def lock(state: Path) -> None:
    with alone(state):
        pass


def journal(state: Path) -> None:
    SqliteJournal(state / "journal.db").close()


def root(state: Path) -> None:
    TufRoot(state, Repository("http://127.0.0.1:1", state / "root.json"))


def refusal(call: Callable[[], None]) -> str:
    with pytest.raises(ConfigError) as caught:
        call()
    assert caught.value.code is Code.CONFIG_VALUE
    return caught.value.reason


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("usual_umask")
def test_what_is_made_is_for_the_agents_user_alone(tmp_path: Path) -> None:
    lock(tmp_path / "a")
    opened = SqliteJournal(tmp_path / "b" / "journal.db")
    opened.begin()
    files = {path.name: mode(path) for path in (tmp_path / "b").iterdir()}
    opened.close()
    assert (mode(tmp_path / "a"), mode(tmp_path / "b")) == (0o700, 0o700)
    assert files == dict.fromkeys(MADE, 0o600)


@pytest.mark.parametrize("use", [lock, journal, root])
@pytest.mark.parametrize("bits", [0o770, 0o775, 0o777, 0o1777], ids=oct)
def test_a_directory_that_others_can_write_to_is_refused(
    tmp_path: Path, use: Callable[[Path], None], bits: int
) -> None:
    tmp_path.chmod(bits)
    reason = refusal(lambda: use(tmp_path))
    assert f"{tmp_path} is not the agent's alone" in reason
    assert reason.endswith(f"chmod go-w {tmp_path}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("use", [lock, journal, root])
@as_root
def test_a_directory_of_another_user_is_refused(tmp_path: Path, use: Callable[[Path], None]) -> None:
    os.chown(tmp_path, NOBODY, NOBODY)
    assert f"belongs to user {NOBODY}, and this is user 0" in refusal(lambda: use(tmp_path))


def test_a_directory_behind_a_link_is_what_the_host_wants(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to("data")
    lock(tmp_path / "state")
    journal(tmp_path / "state")
    assert (tmp_path / "data" / "journal.db").is_file()


@pytest.mark.parametrize("there", [True, False], ids=["file", "nothing"])
def test_a_journal_that_is_a_link_is_refused(tmp_path: Path, *, there: bool) -> None:
    victim = tmp_path / "victim"
    if there:
        victim.write_bytes(b"keep me")
    (tmp_path / "journal.db").symlink_to(victim)
    assert "is a link" in refusal(lambda: journal(tmp_path))
    assert victim.exists() == there
    assert not there or victim.read_bytes() == b"keep me"


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666], ids=oct)
def test_a_journal_that_others_can_write_to_is_refused(tmp_path: Path, bits: int) -> None:
    journal(tmp_path)
    (tmp_path / "journal.db").chmod(bits)
    assert f"mode {bits:04o}" in refusal(lambda: journal(tmp_path))


@as_root
def test_a_journal_of_another_user_is_refused(tmp_path: Path) -> None:
    journal(tmp_path)
    os.chown(tmp_path / "journal.db", NOBODY, NOBODY)
    assert f"belongs to user {NOBODY}" in refusal(lambda: journal(tmp_path))


def test_a_journal_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.db", 0o600)
    assert "is no plain file" in refusal(lambda: journal(tmp_path))
    (tmp_path / "journal.db").unlink()
    (tmp_path / "journal.db").mkdir(mode=0o700)
    with pytest.raises(TidegateError, match="cannot be opened: Is a directory"):
        journal(tmp_path)


def test_a_journal_that_is_set_aside_is_followed_by_one_of_the_agents_own(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this was a database once" * 400)
    path.chmod(0o644)
    journal(tmp_path)
    assert mode(path) == 0o600


def test_a_trusted_root_is_not_looked_for_where_others_write(tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir(mode=0o700)
    root(tmp_path / "trust")
    root(tmp_path / "not yet")
    (tmp_path / "trust").chmod(0o702)
    assert refusal(lambda: root(tmp_path / "trust")).startswith("the trusted root's directory ")

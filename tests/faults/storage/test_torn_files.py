"""Power cuts while single files are replaced and the boot guard changes its state: all of it, or nothing."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.faults import extent
from tests.faults.storage.disk import crashes
from tests.faults.storage.files_life import CONTENTS
from tests.faults.storage.recorder import MARKS, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.storage.disk import Crash, Recording

pytestmark = pytest.mark.real("strace")

STATES: Final = 64
"""Of the disk that are tried for each moment; there are few operations."""

ARMED: Final = {"digest": b"sha256:a\n", "previous": b"sha256:0\n", "boots": b"1\n2\n"}
FIRED: Final = {"digest": b"sha256:a\n", "previous": b"sha256:0\n", "verdict": b"no answer\n"}


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    scratch = tmp_path_factory.mktemp("files")
    folder = scratch / "disk"
    folder.mkdir()
    life: list[str | Path] = [sys.executable, "-m", "tests.faults.storage.files_life"]
    return record([*life, folder, scratch / MARKS], folder, scratch)


@pytest.fixture(scope="module")
def states(recording: Recording) -> list[Crash]:
    chance = random.Random(extent.SEED)  # noqa: S311 - chooses tests
    return list(crashes(recording, range(len(recording.operations) + 1), STATES, chance))


def test_a_file_that_is_replaced_is_the_old_one_or_the_new_one(
    states: list[Crash], record_property: Callable[[str, object], None]
) -> None:
    record_property("states", len(states))
    seen = set()
    for crash in states:
        done = sum(mark.startswith("record") for mark in crash.returned)
        may = [None, *CONTENTS][done : done + 2]
        found = crash.files.get("state/record")
        assert found in may, (crash.after, crash.returned)
        seen.add((done, may.index(found)))
    assert len(seen) == 2 * len(CONTENTS) + 1


def below(crash: Crash, state: str) -> dict[str, bytes | str | None] | None:
    """The files of one of the guard's states that the script looks at; None where it has no such name."""
    prefix = f"state/guard/{state}"
    if prefix not in crash.files:
        return None
    files = {
        path[len(prefix) + 1 :]: each for path, each in crash.files.items() if path.startswith(f"{prefix}/")
    }
    return {name: content for name, content in files.items() if not name.startswith(".")}


def test_the_boot_guard_is_armed_with_all_its_files_or_not_at_all(states: list[Crash]) -> None:
    seen = set()
    for crash in states:
        last = crash.returned[-1] if crash.returned else ""
        armed, fired = below(crash, "armed"), below(crash, "fired")
        where = (crash.after, crash.returned)
        if last == "again":
            # While it decides, its words are added one by one; the names say what counts.
            assert fired == FIRED or (armed is not None and armed.items() <= {**ARMED, **FIRED}.items()), (
                where
            )
        else:
            assert armed in (None, ARMED), where
        if last == "armed" and armed is None:
            # It is armed anew, and gives up the old state first: no reboot follows before it returns.
            assert fired is None, where
        if last == "fired":
            assert fired in (None, FIRED), where
        if last == "dropped":
            assert (armed, fired) == (None, None), where
        seen.add((last, armed is not None, fired is not None))
    assert ("fired", False, True) in seen
    assert ("record-2", True, False) in seen

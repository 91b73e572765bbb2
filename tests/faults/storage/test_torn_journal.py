"""Power cuts at every moment of a journal's life: what was committed is there, and nothing is half there."""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults import extent
from tests.faults.storage.disk import crashes, moments
from tests.faults.storage.journal_life import PLACE, content, live
from tests.faults.storage.places import in_memory
from tests.faults.storage.recorder import MARKS, record
from tidegate_agent.adapters.journal_sqlite import SqliteJournal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.storage.disk import Recording

pytestmark = pytest.mark.real("strace")

MOMENTS = 1
"""At which the power is cut between two commits, in the sample."""

STATES = 4
"""Of the disk that are tried for each, beside the two extremes."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    scratch = tmp_path_factory.mktemp("journal")
    folder = scratch / "disk"
    folder.mkdir()
    life: list[str | Path] = [
        sys.executable,
        "-m",
        "tests.faults.storage.journal_life",
        folder,
        scratch / MARKS,
    ]
    return record(life, folder, scratch)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What the journal holds after each number of changes."""
    folder = tmp_path_factory.mktemp("lived")
    contents: dict[int, list[str]] = {}
    live(folder, lambda done: contents.setdefault(done, content(folder / PLACE)))
    return [contents[done] for done in range(len(contents))]


@pytest.mark.timeout(1800)
def test_what_was_committed_survives_a_power_cut_at_any_moment(
    recording: Recording, lived: list[list[str]], record_property: Callable[[str, object], None]
) -> None:
    points = moments(recording, MOMENTS)
    tried: Counter[str] = Counter()
    with in_memory() as folder:
        for crash in crashes(recording, points, STATES, random.Random(extent.SEED)):  # noqa: S311 - chooses tests
            place = folder / "host"
            place.mkdir()
            crash.put(place)
            SqliteJournal(place / PLACE).close()
            assert not list((place / "state").glob("*damaged*")), crash.after
            done = int(crash.returned[-1]) if crash.returned else 0
            found = content(place / PLACE)
            assert found in lived[done : done + 2], (crash.after, done)
            tried["whole" if found == lived[done] else "one more"] += 1
            shutil.rmtree(place)
    record_property("states", tried.total())
    assert tried["whole"] > 100
    assert tried["one more"] > 20

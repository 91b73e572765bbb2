"""What a run of the bench does with the ways that it measures: without any real tool."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.bench.cost import Cost
from tests.bench.staged import PHASES, Results
from tests.bench.ways import Way, take_turns, used

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.supply import Supply


class FakeSupply:
    """Sends a thousand bytes whenever it is asked how many."""

    def __init__(self) -> None:
        self._sent = 0

    def sent(self) -> int:
        self._sent += 1000
        return self._sent


class First(Way):
    name = "first"
    done: ClassVar[list[str]] = []
    fails = False

    def stage(self, index: int) -> Cost:
        if self.fails:
            raise RuntimeError("no room")
        self.done.append(f"{self.name} stages {index}")
        (self._folder / str(index)).write_bytes(bytes(8192))
        return Cost(1.0, 1.0, 1.0)

    def settle(self, index: int) -> None:
        self.done.append(f"{self.name} settles {index}")

    def close(self) -> None:
        self.done.append(f"{self.name} closes")


class Second(First):
    name = "second"


class Failing(First):
    name = "failing"
    fails = True


@pytest.fixture
def supply() -> Supply:
    return FakeSupply()  # type: ignore[return-value]  # it stands in for a registry that would have to run


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    First.done.clear()


def test_every_way_has_each_phase_and_another_one_begins(tmp_path: Path, supply: Supply) -> None:
    results: Results = defaultdict(list)
    for number in range(2):
        take_turns((First, Second), supply, tmp_path, number, results)
    assert First.done[0] == "first stages 0"
    assert First.done[10] == "second stages 0"
    assert First.done[:5] == [
        "first stages 0",
        "first settles 0",
        "first stages 1",
        "first settles 1",
        "first closes",
    ]
    assert {key: len(found) for key, found in results.items()} == {
        (name, phase): 2 for name in ("first", "second") for phase in PHASES
    }


def test_bytes_and_disk_are_what_was_added(tmp_path: Path, supply: Supply) -> None:
    results: Results = defaultdict(list)
    take_turns((First,), supply, tmp_path, 0, results)
    (fresh,) = results["first", PHASES[0]]
    assert fresh.wire == 1000
    assert fresh.disk == 8192


def test_a_way_that_fails_leaves_nothing_behind(tmp_path: Path, supply: Supply) -> None:
    with pytest.raises(RuntimeError, match="no room"):
        take_turns((Failing,), supply, tmp_path, 0, defaultdict(list))
    assert First.done == ["failing closes"]


def test_a_file_with_two_names_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(8192))
    before = used(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert used(tmp_path) == before == 8192

"""Telling a story with an end in the middle, and again without one."""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.extent import everything
from tests.faults.real import inspection
from tests.faults.real.ground import HOOK, Ground, Life
from tests.support.site import site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from tests.faults.real.stories import Story
    from tidegate_publisher.devstack.sigstore import LocalSigstore

LONGEST_TEST_S = 4 * 3600 if everything() else 600
"""How long one test of many cells may take where many others run beside it, in seconds."""

REACHED = 0.8
"""The least part of the cells in which the signal has to be sent: threads take turns, names may shift."""

SLACK_BYTES = 512
"""By how much two stores of the same story may differ: numbers in names."""


@dataclass(frozen=True)
class End:
    """How a life ends: by a signal at a boundary, by a power cut after some seconds, or with the story."""

    at: str = ""
    number: int = signal.SIGKILL
    lasts_s: float = math.inf

    def __str__(self) -> str:
        return f"{signal.Signals(self.number).name} {self.at or f'after {self.lasts_s:.2f} s'}"


@dataclass(frozen=True)
class Cell:
    """What came of one story.

    Attributes:
        name: story, boundary and signal.
        reached: whether the signal was sent; a thread may take another turn in another life.
        passed: the boundaries of the last life that came to an end.
        faults: sentences about what is not as it should be.
    """

    name: str
    reached: bool
    passed: Sequence[str]
    faults: Sequence[str]


@contextlib.contextmanager
def ground(
    folder: Path, sigstore: LocalSigstore, tables: Mapping[str, Any] | None = None
) -> Iterator[Ground]:
    """A site without an agent."""
    hook = ["/bin/sh", str(folder / "host" / HOOK)]
    engine = {"on_switch": hook}
    with inspection.reaping(), site(folder, sigstore, embedded=engine, tables=tables, started=False) as here:
        made = Ground(here)
        made.hook()
        yield made


def tell(story: Story, *ends: End) -> Cell:
    """Tell a story whose lives end so, one after the other, and then one more, which lasts.

    With no end the first life is over with the story, and is stopped in order.
    """
    ground = story.ground
    reached, passed, faults = True, [], []
    life: Life | None = None
    ground.known = inspection.children()
    try:
        story.begin()
        for place, end in enumerate(ends or (End(),)):
            life = ground.tolled_life(end.at, end.number, lasts_s=end.lasts_s)
            story.accompany(life) if place == 0 else story.accompany_again(life)
            life.finish()
            reached, passed = reached and life.reached(), life.passed()
        ground.here.host.start()
        story.resume()
        ground.await_told_all()
        ground.here.host.stop()
        faults = [*story.faults(), *_growth(story)]
    except AssertionError as error:
        if life is not None:
            life.abandon()
        ground.here.host.stop()
        faults = [str(error)[:2000], *passed[-3:]]
    return Cell(f"{story.name}: {', '.join(map(str, ends))}", reached, passed, faults)


def tell_all(make: Callable[[Ground], Story], ground: Ground, ends: Iterable[Sequence[End]]) -> list[Cell]:
    """Tell a story once for each of these ways to be interrupted; each that went wrong is said at once."""
    cells = []
    for each in ends:
        cell = tell(make(ground), *each)
        cells.append(cell)
        if cell.faults:
            print(cell.name, *cell.faults, sep="\n  ", flush=True)  # noqa: T201 - all of them may take hours
    return cells


def require_no_faults(cells: Sequence[Cell]) -> None:
    """Fail if anything went wrong. Whether a moment lies within a life is the machine's speed's affair."""
    assert not {cell.name: cell.faults for cell in cells if cell.faults}


def require_well(cells: Sequence[Cell]) -> None:
    """Fail if anything went wrong, or if too few of the signals were sent."""
    require_no_faults(cells)
    missed = [cell.name for cell in cells if not cell.reached]
    assert len(missed) <= (1 - REACHED) * len(cells), missed


def recorded(make: Callable[[Ground], Story], ground: Ground, *ends: End) -> list[str]:
    """The boundaries of a story that nothing interrupts, or of the life after these ends."""
    cell = tell(make(ground), *ends, *([End()] if ends else []))
    assert not cell.faults, cell.faults
    return list(cell.passed)


def _growth(story: Story) -> list[str]:
    """Whether the store takes more than when it held releases of these kinds for the first time."""
    ground, store = story.ground, story.here.host.store
    kinds = tuple(sorted(ground.kinds[f"sha256:{each.name}"] for each in (store / "generations").iterdir()))
    taken = inspection.file_bytes(store)
    expected = ground.sizes.setdefault(kinds, taken)
    return [] if abs(taken - expected) <= SLACK_BYTES else [f"the store takes {taken} bytes, not {expected}"]

"""Telling a story with an end in the middle, and again without one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.real import inspection
from tests.faults.real.ground import Ground, Life
from tests.support.site import site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from tests.faults.real.stories import Story
    from tidegate_publisher.devstack.sigstore import LocalSigstore

SLACK_BYTES = 512
"""By how much two stores of the same story may differ: numbers in names."""


@dataclass(frozen=True)
class Cell:
    """What came of one story.

    Attributes:
        name: story, boundary and signal.
        reached: whether the signal was sent; a thread may take another turn in another life.
        passed: the boundaries of the first life.
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
    with inspection.reaping(), site(folder, sigstore, tables=tables, started=False) as here:
        yield Ground(here)


def tell(story: Story, at: str = "", number: int = signal.SIGKILL) -> Cell:
    """Tell a story whose first life a signal meets at a boundary; with none it ends in order, at the end."""
    return tell_with(
        story, f"{story.name}: {at} ({signal.Signals(number).name})", story.ground.first_life, at, number
    )


def recorded(make: Callable[[Ground], Story], ground: Ground) -> list[str]:
    """The boundaries of a story that nothing interrupts."""
    cell = tell(make(ground))
    assert not cell.faults, cell.faults
    return list(cell.passed)


def tell_with(story: Story, name: str, live: Callable[..., Life], *arguments: Any) -> Cell:
    """Tell a story whose first life is begun by `live`."""
    ground, faults = story.ground, []
    reached, passed = False, []
    try:
        ground.known = inspection.children()
        story.begin()
        life = live(*arguments)
        story.accompany(life)
        life.finish()
        reached, passed = life.reached(), life.passed()
        ground.here.host.start()
        story.resume()
        ground.await_told_all()
        ground.here.host.stop()
        faults = [*story.faults(), *_growth(story)]
    except AssertionError as error:
        ground.here.host.stop()
        faults = [str(error)[:2000], *passed[-3:]]
    return Cell(name, reached, passed, faults)


def _growth(story: Story) -> list[str]:
    """Whether the store takes more than after the same story when it was told first."""
    taken = inspection.file_bytes(story.here.host.store)
    expected = story.ground.sizes.setdefault(story.name, taken)
    return [] if abs(taken - expected) <= SLACK_BYTES else [f"the store takes {taken} bytes, not {expected}"]

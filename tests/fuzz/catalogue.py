"""All targets: what takes the input, how inputs are altered, and how much of the time each gets."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import known
from tests.fuzz.mutation.tree import alter_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

FOLDER = Path(__file__).parent
CORPUS = FOLDER / "corpus"
FINDINGS = FOLDER / "findings"
WORK = FOLDER / "work"
"""What runs on this machine found so far, beyond the committed corpus; not committed."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target; its `check` lives in targets/NAME.py and is imported late, under instrumentation.

    Attributes:
        name: of the module and of the folder in the corpus.
        share: parts of the whole time.
        bundles: whether genuine bundles are seeds, and parts for alterations.
    """

    name: str
    share: int
    bundles: bool = False

    def load(self) -> Callable[[bytes], None]:
        """The function that takes one input, and raises when an invariant breaks."""
        check: Callable[[bytes], None] = importlib.import_module(f"tests.fuzz.targets.{self.name}").check
        return check

    @property
    def seeds(self) -> tuple[Path, ...]:
        """The folders of committed inputs."""
        return (CORPUS / self.name, *((known.BUNDLES,) if self.bundles else ()))

    def inputs(self) -> Sequence[Path]:
        """The committed inputs, in order."""
        return [path for folder in self.seeds for path in sorted(folder.iterdir())]

    def alter(self, data: bytes, random: Random) -> bytes:
        """An alteration that keeps the form; the same bytes where there is no form to keep."""
        if self.bundles:
            return alter_json(data, random, known.messages())
        head, gap, body = data.partition(b"\n\n")
        if gap and data[:1] not in b"{[":  # an event's properties
            return head + gap + alter_json(body, random)
        return alter_json(data, random)


TARGETS = {
    each.name: each
    for each in (
        Target("verify", 3, bundles=True),
        Target("bundle", 2, bundles=True),
        Target("statement", 2),
        Target("strict_json", 1),
        Target("events", 1),
        Target("registry", 1),
    )
}

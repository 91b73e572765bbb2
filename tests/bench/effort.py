"""How much is measured, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidegate_publisher.devstack.sigstore import LocalSigstore


@dataclass(frozen=True, slots=True)
class Effort:
    """What every part is given.

    Attributes:
        folder: for whatever is written; the part's own.
        cache: where big images are kept from one run to the next.
        sigstore: who signs, and whom hosts trust.
        runs: how often; each part's own default, if None.
        quick: whether to be done within a minute.
        hosts: of a simulated fleet; its own default, if None.
    """

    folder: Path
    cache: Path
    sigstore: LocalSigstore
    runs: int | None
    quick: bool
    hosts: int | None = None

    def times(self, usual: int, hurried: int) -> int:
        """How often to measure something."""
        return self.runs or (hurried if self.quick else usual)

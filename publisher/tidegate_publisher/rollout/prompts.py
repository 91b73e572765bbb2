"""Commands that go on from where a run is, as a person can paste them. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompts:
    """See the module's docstring.

    Attributes:
        name: the product and channel: `os/stable`.
        run: the run's id.
        options: of this command line, which say where the broker is, whom hosts trust and who signs.
        words: of this command line, from `rollout` on, without a run's id.
    """

    name: str
    run: str
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ("rollout", "run", "release.yaml")

    def approve(self, wave: str, sequence: int) -> str:
        """Lets a wave through."""
        return self._line("rollout", "approve", self.name, wave, "--expect-sequence", str(sequence))

    def resume(self, sequence: int) -> str:
        """Lets a held release go on."""
        return self._line("resume", self.name, "--expect-sequence", str(sequence))

    def hold(self) -> str:
        """Stops what is open."""
        return self._line("hold", self.name)

    def status(self) -> str:
        """Shows where the release stands."""
        return f"tidegate rollout status {self.name}"

    def again(self, run: str | None = None) -> str:
        """The same command, as this run or another one."""
        return shlex.join(("tidegate", *self.words, "--run-id", run or self.run))

    def _line(self, *words: str) -> str:
        return shlex.join(("tidegate", *words, *self.options))

"""The release jobs: started, started again when the broker was lost, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tidegate_publisher.devstack.demo.processes import Child
    from tidegate_publisher.devstack.rollout_demo.runner import Runner

_AGAIN: Final = 8
"""How often a release job may be started again after its connection was lost: it goes on where it was."""


class Jobs:
    """`tidegate rollout run` for each version.

    Args:
        runner: runs it.

    Attributes:
        exits: how jobs ended, by version.
        leads: the wave that each spoke of last.
        restarts: how often one had to be started again.
    """

    def __init__(self, runner: Runner) -> None:
        self.exits: dict[str, int] = {}
        self.leads: dict[str, str] = {}
        self.restarts = 0
        self._runner = runner
        self._words: dict[str, list[str]] = {}
        self._running: dict[str, Child] = {}

    def start(self, version: str, words: list[str]) -> None:
        """Start the job of a version; `look` says when it has ended."""
        self._words[version] = words
        self._running[version] = self._runner.start(_log(version), words)

    def look(self) -> None:
        """Note how jobs ended, and what they say.

        One whose connection was lost goes on where it was, as a CI's retry would.
        """
        for version, job in list(self._running.items()):
            status = job.ended()
            self._listen(version)
            if status is None:
                continue
            del self._running[version]
            if self._lost_broker(version) and self.restarts < _AGAIN:
                self.restarts += 1
                self.start(version, self._words[version])
            else:
                self.exits[version] = status

    def _listen(self, version: str) -> None:
        for document in self._runner.last_documents(_log(version)):
            if isinstance(wave := document.get("wave"), str):
                self.leads[version] = wave

    def _lost_broker(self, version: str) -> bool:
        """Whether the job's last word is that it lost the broker, or could not reach it."""
        said = self._runner.last_documents(_log(version))
        return bool(said) and str(said[-1].get("code", "")).startswith("bus.")


def _log(version: str) -> str:
    return f"rollout-{version}"

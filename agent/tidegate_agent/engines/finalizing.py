"""Finalizing: what ostree does at shutdown to make the staged deployment the next boot's.

It has five minutes. A failure leaves a file below /boot, which ostree-boot-complete.service reads at the next
boot, tells of and removes; a time-out or a power cut leaves nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tidegate_agent.plaintext import one_line

STAMP: Final = Path("ostree/finalize-failure.stamp")
"""Below /boot."""

_MAX_BYTES: Final = 2048


def last_failure(boot: Path = Path("/boot")) -> str | None:
    """Why the last finalizing failed, in a sentence; None when nothing tells of a failure."""
    try:
        with (boot / STAMP).open("rb") as file:
            said = file.read(_MAX_BYTES)
    except OSError:
        return None
    reason = one_line(said.decode(errors="replace").strip()) or "it does not say why"
    return (
        f"finalizing a staged deployment failed at the last shutdown: {reason} "
        "(journalctl -b -1 -u ostree-finalize-staged)"
    )

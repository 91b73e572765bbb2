"""A health check of the space that is left on a file system, for whoever is not root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.health.answer import Answer, failed, span, within

if TYPE_CHECKING:
    from tidegate_agent.config.checks import FreeSettings

_MB: Final = 1_000_000


def ask_space(wanted: FreeSettings, timeout_s: float) -> Answer:
    """Whether that much is free. A file system that does not answer, as of a lost server, has failed."""
    late = f"{wanted.path}: no answer within {span(timeout_s)}"
    return within(timeout_s, late, lambda: _measure(wanted))


def _measure(wanted: FreeSettings) -> Answer:
    try:
        found = os.statvfs(wanted.path)
    except OSError as error:
        return failed(f"{wanted.path}: {error.strerror}")
    free, whole = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    # Of a file system that has no size, such as /proc, nothing is free.
    percent = 100 * free // whole if whole else 0
    enough = percent >= wanted.percent if wanted.percent is not None else free >= (wanted.bytes or 0)
    told = f"{wanted.path}: {free / _MB:.1f} MB ({percent} %) free"
    expected = f"{wanted.percent} %" if wanted.percent is not None else f"{(wanted.bytes or 0) / _MB:.1f} MB"
    return Answer(passed=True, output=told) if enough else failed(f"{told}, expected {expected}")

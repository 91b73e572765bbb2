"""A health check by a program: healthy when it exits with 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.adapters.health.answer import Answer, failed, span
from tidegate_agent.process import run

if TYPE_CHECKING:
    from collections.abc import Sequence


def ask_command(argv: Sequence[str], name: str, timeout_s: float) -> Answer:
    """Whether the command exits with 0, and the end of its output."""
    try:
        finished = run(argv, timeout_s, {"TIDEGATE_CHECK": name})
    except OSError as error:
        return failed(f"{argv[0]} cannot be run: {error.strerror}")
    if finished.status is None:
        return failed(f"ended after {span(timeout_s)} without an answer", finished.output)
    if finished.status < 0:
        return failed(f"ended by signal {-finished.status}", finished.output)
    if finished.status > 0:
        return failed(f"exit status {finished.status}", finished.output)
    return Answer(passed=True, output=finished.output)

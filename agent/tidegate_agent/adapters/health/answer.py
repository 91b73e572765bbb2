"""What a check answers: whether it passed, and some words for a person."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.config.scalars import format_duration
from tidegate_agent.process import OUTPUT_BYTES, printable

if TYPE_CHECKING:
    from collections.abc import Callable


class Answer(NamedTuple):
    """Whether a check passed, and capped, harmless text that says what was found."""

    passed: bool
    output: str = ""


def failed(reason: str, output: str = "") -> Answer:
    """A failure: the reason, and the end of what was said, no longer together than an output may be."""
    room = OUTPUT_BYTES - len(reason) - len(": ")
    return Answer(passed=False, output=f"{reason}: {output[-room:]}" if output and room > 0 else reason)


def failed_by(error: Exception) -> Answer:
    """A failure that no kind foresaw."""
    return failed(printable(f"{type(error).__name__}: {error}".encode())[:OUTPUT_BYTES])


def span(seconds: float) -> str:
    """A timeout in words."""
    return format_duration(timedelta(seconds=seconds))


def within(timeout_s: float, late: str, ask: Callable[[], Answer]) -> Answer:
    """Ask on a thread of its own, for what has no timeout itself: a resolver, a file system that is gone.

    A thread that is late is left behind; it ends with what it waits for, or with the process.
    """
    answers: list[Answer] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 # it must not end in a thread's trace; the caller words it
            answers.append(failed_by(error))

    thread = threading.Thread(target=run, name="health", daemon=True)
    thread.start()
    thread.join(timeout_s)
    return answers[0] if answers else failed(late)

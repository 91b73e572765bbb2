"""Requests that are heard again: what refused them says something about this host, and nothing about them.

A statement is retained, and asked for again; a request comes once. So it stays in the inbox meanwhile.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from loguru import logger

from tidegate_schemas import limits
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Failure
    from tidegate_agent.surroundings import Surroundings

PASSES: Final = frozenset({Code.TRUST_ROOT_MISSING, Code.VERIFY_FAILED})
"""Refusals without a verdict: no memory for the verifier, no trusted root yet."""

PAUSES: Final = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=8))
"""Before each further hearing; after the last one the refusal is the answer."""

AT_ONCE: Final = 4
"""Requests that are put off at a time: whoever can make the verifier fail fills no more of the inbox."""


class SecondHearing:
    """Runs on the engine's thread.

    Args:
        around: for clock, timer and queue.
        again: hears a message again, by its name and content.
    """

    def __init__(self, around: Surroundings, again: Callable[[str, bytes], None]) -> None:
        self._around = around
        self._again = again
        self._tries: dict[str, int] = {}

    def grant(self, name: str, content: bytes, failure: Failure) -> bool:
        """Put a message off that was refused; False when the refusal is the answer."""
        tries = self._tries.get(name, 0)
        crowded = name not in self._tries and len(self._tries) >= AT_ONCE
        small = len(content) <= limits.STATEMENT_BYTES
        if failure.code not in PASSES or tries == len(PAUSES) or crowded or not small:
            return False
        self._tries[name] = tries + 1
        pause = PAUSES[tries]
        logger.warning("a request is verified again in {}: [{}] {}", pause, failure.code, failure.reason)
        hear = partial(self._again, name, content)
        self._around.timer.after(f"request {name}", pause, lambda: self._around.post(hear))
        return True

    def over(self, name: str) -> None:
        """The message is decided."""
        self._tries.pop(name, None)

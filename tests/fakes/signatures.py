"""Image signatures without registry and cryptography."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_wire.registry.source import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import ImageTarget
    from tidegate_schemas.codes import TidegateError


class FakeImageSignatures:
    """The ImageSignatures port: every image is signed, until a test says otherwise.

    Attributes:
        error: raised instead of an answer, by each call.
        halfway: called in the middle of looking.
        asked: the digests it was asked about, in order.
    """

    def __init__(self) -> None:
        self.error: TidegateError | None = None
        self.halfway: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        self._failures: list[TidegateError] = []

    def fail(self, *errors: TidegateError) -> None:
        """Let the next calls fail with these errors, one each."""
        self._failures.extend(errors)

    def require(self, target: ImageTarget, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        """See ImageSignatures.require."""
        self.asked.append(target.digest)
        self.halfway()
        if cancelled():
            raise Cancelled
        if self._failures:
            raise self._failures.pop(0)
        if self.error is not None:
            raise self.error
        return ("somebody",)

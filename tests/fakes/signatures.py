"""Image signatures without registry and cryptography."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate_agent.model import ImageTarget
    from tidegate_schemas.codes import TidegateError


class FakeImageSignatures:
    """The ImageSignatures port: every image is signed, until a test says otherwise.

    Attributes:
        error: raised instead of an answer.
        asked: the digests it was asked about, in order.
    """

    def __init__(self) -> None:
        self.error: TidegateError | None = None
        self.asked: list[str] = []

    def require(self, target: ImageTarget) -> tuple[str, ...]:
        """See ImageSignatures.require."""
        self.asked.append(target.digest)
        if self.error is not None:
            raise self.error
        return ("somebody",)

"""A root keeper by memory, obeying the contract of `RootKeeper` (tests/contract/test_root_keeper.py)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidegate_agent.root_watch import End, RootInForce
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from datetime import datetime


class FakeRootKeeper:
    """ports.RootKeeper under a test's hand.

    Args:
        expires: when what is published ends; None is never.

    Attributes:
        ends: of what is published next.
        failure: raised by the next refreshes, if it is set.
        asked: the moments that `refresh` was given, in order.
    """

    def __init__(self, expires: datetime | None = None) -> None:
        self.ends = () if expires is None else (End("its last certificate authority", expires),)
        self.failure: TidegateError | None = None
        self.asked: list[datetime] = []
        self._offered: RootInForce | None = None
        self._in_force: RootInForce | None = None

    def publish(self, content: bytes) -> None:
        """Offer this root from now on."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._offered = RootInForce("the test's root", digest, self.ends)

    def spoil(self, reason: str = "it is no trusted root") -> None:
        """Let refreshes fail from now on."""
        self.failure = TidegateError(Code.TRUST_REFRESH_FAILED, reason)

    def mend(self) -> None:
        """Let refreshes succeed again."""
        self.failure = None

    def lose(self) -> None:
        """The root in force is gone."""
        self._in_force = None

    def look(self, now: datetime) -> RootInForce:  # noqa: ARG002 - the port's signature
        """See RootKeeper.look."""
        if self._in_force is None:
            raise TidegateError(Code.TRUST_ROOT_MISSING, "there is no trusted root yet")
        return self._in_force

    def refresh(self, now: datetime) -> RootInForce:
        """See RootKeeper.refresh."""
        self.asked.append(now)
        if self.failure is not None:
            raise self.failure
        self._in_force = self._offered
        return self.look(now)

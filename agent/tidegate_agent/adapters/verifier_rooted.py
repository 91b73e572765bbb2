"""A verifier that can say why there is no trusted root yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.errors import RefusedError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_agent.model import Follow, Verdict
    from tidegate_agent.ports import Verifier


class RootedVerifier:
    """See ports.Verifier.

    Args:
        verifier: who verifies.
        why_missing: why there is no root in force; None where there is one. Called on the verifying thread.
    """

    def __init__(self, verifier: Verifier, why_missing: Callable[[], str | None]) -> None:
        self._verifier = verifier
        self._why_missing = why_missing

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See Verifier.verify."""
        self._require_root()
        return self._verifier.verify(follow, payload)

    def verify_request(self, payload: bytes) -> Verdict:
        """See Verifier.verify_request."""
        self._require_root()
        return self._verifier.verify_request(payload)

    def _require_root(self) -> None:
        if (why := self._why_missing()) is not None:
            raise RefusedError(Code.TRUST_ROOT_MISSING, why)

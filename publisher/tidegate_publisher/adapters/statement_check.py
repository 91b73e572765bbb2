"""Who may sign the statements that a collector keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from tidegate_publisher.adapters.sigstore_verifier import SigstoreVerifier

if TYPE_CHECKING:
    from tidegate_publisher.options.trust import Trust
    from tidegate_publisher.ports import Verifier
    from tidegate_schemas.statement import ChannelStatement


class PolicyCheck:
    """Implements `tidegate_fleet.collector.reading.StatementCheck`.

    Args:
        verifier: verifies as hosts do.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    @classmethod
    def of(cls, trust: Trust) -> Self | None:
        """A check against the policy that was given; None when nobody was named.

        Raises:
            TidegateError: CONFIG_*, TRUST_*.
        """
        policy = trust.policy()
        return None if policy is None else cls(SigstoreVerifier(trust.root, policy))

    def verify(self, message: bytes, product: str, channel: str) -> tuple[ChannelStatement, tuple[str, ...]]:
        """See StatementCheck.verify. Freshness is left alone: what has expired was announced even so."""
        verified = self._verifier.verify(message, (product, channel))
        return verified.statement, tuple(map(str, verified.signers))

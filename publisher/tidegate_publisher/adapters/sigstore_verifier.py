"""Verification with the very code that hosts run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.ports import SignerId, Verified
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.describe import describe_unverified
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.trust.root import PinnedRoot


class SigstoreVerifier:
    """See ports.Verifier.

    Args:
        root: reads the trusted root; called once, at the first verification.
        policy: who is trusted; None takes whom each bundle's own certificate names, so that a bundle
            is found genuine or not, and the caller decides about the signer.
    """

    def __init__(self, root: Callable[[], PinnedRoot], policy: SignerPolicy | None) -> None:
        self._read_root = root
        self._root: PinnedRoot | None = None
        self._policy = policy

    @property
    def policy(self) -> str | None:
        """See ports.Verifier.policy."""
        return None if self._policy is None else str(self._policy)

    def verify(self, bundle: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify."""
        # 0.4 s: commands that verify nothing must not pay for it.
        from tidegate_wire.trust.verify import verify_statement  # noqa: PLC0415

        if self._root is None:
            self._root = self._read_root()
        policy = self._policy
        if target is None or policy is None:
            claimed = describe_unverified(bundle)
            if target is None:
                if claimed.statement is None:
                    raise TidegateError(Code.STATEMENT_SCHEMA, claimed.fault or "not a channel statement")
                target = claimed.statement.predicate.product, claimed.statement.predicate.channel
            policy = policy or SignerPolicy((exactly(claimed.identity, claimed.issuer),))
        product, channel = target
        found = verify_statement(bundle, root=self._root, policy=policy, product=product, channel=channel)
        return Verified(found.statement, SignerId(found.identity, found.issuer))

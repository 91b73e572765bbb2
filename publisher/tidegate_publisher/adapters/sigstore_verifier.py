"""Verification with the very code that hosts run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tidegate_publisher.ports import SignerId, Verified
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.cosigned import quorum, split
from tidegate_wire.trust.describe import UnverifiedKey, describe_message
from tidegate_wire.trust.policy import SignerPolicy, exactly
from tidegate_wire.trust.signed import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_wire.trust.describe import UnverifiedDescription
    from tidegate_wire.trust.policy import Signer
    from tidegate_wire.trust.root import PinnedRoot
    from tidegate_wire.trust.signed import Signed

    Claims = Sequence[UnverifiedDescription | UnverifiedKey]


class SigstoreVerifier:
    """See ports.Verifier.

    Args:
        root: reads the trusted root; called once, when the first certificate is verified.
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

    @property
    def needed(self) -> int:
        """See ports.Verifier.needed."""
        return 1 if self._policy is None else self._policy.threshold

    def verify(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify."""
        policy, target = self._complete(message, target)
        return self._verify((message,), policy, target)

    def verify_each(self, message: bytes, target: tuple[str, str] | None) -> Verified:
        """See ports.Verifier.verify_each."""
        policy, target = self._complete(message, target)
        return self._verify(split(message), replace(policy, threshold=1), target)

    def _verify(self, messages: Sequence[bytes], policy: SignerPolicy, target: tuple[str, str]) -> Verified:
        # 0.4 s: commands that verify nothing must not pay for it.
        from tidegate_wire.trust.verify import verify_statement  # noqa: PLC0415

        if self._root is None and not policy.with_keys:
            self._root = self._read_root()
        product, channel = target
        found = [
            verify_statement(one, root=self._root, policy=policy, product=product, channel=channel)
            for one in messages
        ]
        if len({one.payload for one in found}) > 1:
            reason = "the bundles of the message do not sign the same content"
            raise SignatureError(Code.SIGNATURE_MALFORMED, reason)
        signed = [signer for one in found for signer in one.signers]
        return Verified(found[0].statement, _names(signed), found[0].payload, quorum(signed), self.needed)

    def _complete(
        self, message: bytes, target: tuple[str, str] | None
    ) -> tuple[SignerPolicy, tuple[str, str]]:
        """Policy and target, with what the message claims in the place of what was not given."""
        if self._policy is not None and target is not None:
            return self._policy, target
        claims = describe_message(message)
        return self._policy or _policy_of(claims), target or _target_of(claims)


def _names(signed: Sequence[Signed]) -> tuple[SignerId, ...]:
    return tuple(dict.fromkeys(SignerId(one.identity, one.issuer) for one in signed))


def _target_of(claims: Claims) -> tuple[str, str]:
    statement = claims[0].statement
    if statement is None:
        raise TidegateError(Code.STATEMENT_SCHEMA, claims[0].fault or "not a channel statement")
    return statement.predicate.product, statement.predicate.channel


def _policy_of(claims: Claims) -> SignerPolicy:
    """Everybody who is named, all of them needed: so each bundle has to be genuine."""
    signers: dict[Signer, None] = {}
    for claim in claims:
        if isinstance(claim, UnverifiedKey):
            reason = (
                "The statement is signed with a key pair: say with --key or --signers which one is trusted"
            )
            raise TidegateError(Code.TRUST_POLICY_EMPTY, reason)
        signers[exactly(claim.identity, claim.issuer)] = None
    return SignerPolicy(tuple(signers), threshold=len(signers))

"""Verification of requests with the very code that hosts run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.ports import SignerId
from tidegate_publisher.request_ports import VerifiedRequest
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.describe import UnverifiedKey, describe_message
from tidegate_wire.trust.policy import SignerPolicy, exactly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegate_wire.trust.root import PinnedRoot


class SigstoreRequestVerifier:
    """See request_ports.RequestVerifier.

    Args:
        root: reads the trusted root; called once, when the first certificate is verified.
        policy: who is trusted; None takes whom each bundle's own certificate names.
    """

    def __init__(self, root: Callable[[], PinnedRoot], policy: SignerPolicy | None) -> None:
        self._read_root = root
        self._root: PinnedRoot | None = None
        self._policy = policy

    def verify(self, bundle: bytes, host: str) -> VerifiedRequest:
        """See request_ports.RequestVerifier.verify."""
        # 0.4 s: commands that verify nothing must not pay for it.
        from tidegate_wire.trust.verify import verify_request  # noqa: PLC0415

        policy = self._policy or _policy_of(bundle)
        if self._root is None and not policy.with_keys:
            self._root = self._read_root()
        found = verify_request(bundle, root=self._root, policy=policy, host=host)
        names = dict.fromkeys(SignerId(one.identity, one.issuer) for one in found.signers)
        return VerifiedRequest(found.request, tuple(names))


def _policy_of(bundle: bytes) -> SignerPolicy:
    """Everybody who is named, all of them needed."""
    claims = describe_message(bundle)
    named = [exactly(one.identity, one.issuer) for one in claims if not isinstance(one, UnverifiedKey)]
    if len(named) < len(claims):
        reason = "The request is signed with a key pair: say with --signers which keys are trusted"
        raise TidegateError(Code.TRUST_POLICY_EMPTY, reason)
    signers = tuple(dict.fromkeys(named))
    return SignerPolicy(signers, threshold=len(signers))

"""Verification in the test's own process: the function that the child runs, behind the agent's port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow, Verdict
from tidegate_schemas.codes import Code
from tidegate_wire.trust.verify import verify_statement

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trust.beliefs import Beliefs
    from tidegate_wire.trust.policy import SignerPolicy
    from tidegate_wire.trust.root import PinnedRoot

FOLLOW: Final = Follow("os", "stable")


class InProcessVerifier:
    """ports.Verifier without a child.

    Args:
        root: gives the trusted root; asked anew for each message.
        policy: who may sign; None for nobody.
    """

    def __init__(self, root: Callable[[], PinnedRoot], policy: SignerPolicy | None) -> None:
        self._root = root
        self._policy = policy

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """See the port."""
        if self._policy is None:
            raise RefusedError(Code.TRUST_POLICY_EMPTY, f"no signer is trusted for {follow.key}")
        found = verify_statement(
            payload, root=self._root(), policy=self._policy, product=follow.product, channel=follow.channel
        )
        return Verdict(
            found.payload, found.identity, found.issuer, found.signed_at_least, enough=found.enough
        )

    def verify_request(self, payload: bytes) -> Verdict:
        """Nobody may send requests to these hosts."""
        raise RefusedError(Code.REQUEST_UNWELCOME, f"{len(payload)} bytes from nobody")


def verifier_with(beliefs: Beliefs) -> InProcessVerifier:
    """The verifier of a host with these beliefs."""
    return InProcessVerifier(lambda: beliefs.pinned, beliefs.policy)


def believed(message: bytes, beliefs: Beliefs) -> bytes:
    """What a host with these beliefs finds signed in a message; raises what it refuses it with."""
    return verifier_with(beliefs).verify(FOLLOW, message).payload

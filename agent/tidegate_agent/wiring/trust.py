"""Who judges messages, and by whose keys."""

from __future__ import annotations

from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.config import Settings, derived_host_id


def verifier_of(settings: Settings) -> ChildVerifier:
    """The verifier for all follows.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    signers = {entry.follow.key: entry.policy() for entry in settings.follow}
    operators = None if settings.requests is None else settings.requests.policy()
    host = settings.host.id or derived_host_id()
    return ChildVerifier(verifying_child(settings), signers, host, operators)


def verifying_child(settings: Settings) -> VerifyingChild:
    """The child that judges, within the limits that were set."""
    limits = settings.verify
    root = settings.trust.root_in(settings.state.directory)
    return VerifyingChild(root, limits.timeout_s, limits.memory_mib)

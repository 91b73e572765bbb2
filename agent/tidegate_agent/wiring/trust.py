"""Who judges messages, and by whose keys."""

from __future__ import annotations

from tidegate_agent.adapters.screening_child import ScreeningChild
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.config import Settings, derived_host_id


def verifier_of(settings: Settings) -> ChildVerifier:
    """The verifier for all follows: a fresh child for each message.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    return _verifier(settings, verifying_child(settings))


def screening_verifier_of(settings: Settings) -> ChildVerifier:
    """The same for what comes over the broker, in any number: a child is kept to tell rubbish by.

    Raises:
        TidegateError: as `verifier_of`.
    """
    return _verifier(settings, ScreeningChild(verifying_child(settings)))


def verifying_child(settings: Settings) -> VerifyingChild:
    """The child that judges, within the limits that were set."""
    limits = settings.verify
    root = settings.trust.root_in(settings.state.directory)
    return VerifyingChild(root, limits.timeout_s, limits.memory_mib)


def _verifier(settings: Settings, child: VerifyingChild | ScreeningChild) -> ChildVerifier:
    signers = {entry.follow.key: entry.policy() for entry in settings.follow}
    operators = None if settings.requests is None else settings.requests.policy()
    host = settings.host.id or derived_host_id()
    return ChildVerifier(child, signers, host, operators)

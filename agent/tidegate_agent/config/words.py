"""Whom this host believes, in plain words: what `check-config` prints back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_wire.trust.policy import COSIGN, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_agent.config.follows import FollowSettings
    from tidegate_agent.config.settings import Settings
    from tidegate_wire.trust.policy import SignerPolicy

_KINDS = {COSIGN: "a cosign signature", PROVENANCE: "a build provenance"}


def trust_lines(settings: Settings) -> Iterator[str]:
    """One sentence for what each follow asks of statements, and of images; one for requests.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    for follow in settings.follow:
        yield f"{follow.follow.key}: statements count when signed by {words(follow.policy())}"
        yield f"{follow.follow.key}: {_images(follow)}"
    if settings.requests is None:
        yield "requests to this host: none are taken over the broker"
    else:
        yield f"requests to this host: they count when signed by {words(settings.requests.policy())}"


def words(policy: SignerPolicy) -> str:
    """A policy as a clause: `signed by …`."""
    signers = [f"({place}) {signer}" for place, signer in enumerate(policy.any_of, 1)]
    if len(signers) == 1:
        return str(policy.any_of[0])
    wanted = "any one" if policy.threshold == 1 else f"any {policy.threshold} different ones"
    return f"{wanted} of {'; '.join(signers)}"


def _images(follow: FollowSettings) -> str:
    policy = follow.image_policy()
    if policy is None:
        return "images need no signature of their own: the statement's word for the digest is enough"
    kinds = " or ".join(kind for predicate, kind in _KINDS.items() if predicate in policy.predicates)
    return f"images need {kinds} for the announced digest by {words(policy.signers)}"

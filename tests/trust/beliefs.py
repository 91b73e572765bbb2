"""Whom a host believes: a trusted root and a policy. The one place that knows how policies are written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_publisher.devstack.sigstore import GITHUB_ISSUER, github_claims
from tidegate_publisher.devstack.sigstore.identity import SOURCE_ID, identity_of
from tidegate_wire.trust.policy import KeySigner, Signer, SignerPolicy, exactly
from tidegate_wire.trust.root import PinnedRoot, parse_root
from tidegate_wire.trust.rules import AllOf, Claim, Is, Matches

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.identity import Identity

RELEASER: Final = identity_of(github_claims("example/os", "release.yml", "refs/tags/v2"))
"""Who signs releases: a workflow at a tag."""


def trusting(san: str = RELEASER.san, issuer: str = GITHUB_ISSUER) -> SignerPolicy:
    """The policy that trusts this identity and issuer alone."""
    return SignerPolicy((exactly(san, issuer),))


def trusting_identity(identity: Identity) -> SignerPolicy:
    """The policy that trusts exactly whom a certificate of this identity is for."""
    return trusting(identity.san, identity.issuer or "")


def trusting_workflow() -> SignerPolicy:
    """The policy of a careful host: the workflow at any release's tag, for a tag of its own repository."""
    source = "https://github.com/example/os"
    tag = "refs/tags/v[0-9]+"
    return SignerPolicy(
        (
            Signer(
                AllOf(
                    (
                        Is(Claim.ISSUER, GITHUB_ISSUER),
                        Is(Claim.WORKFLOW, f"{source}/.github/workflows/release.yml"),
                        Matches(Claim.WORKFLOW_REF, tag),
                        Is(Claim.SOURCE_REPOSITORY, source),
                        Is(Claim.SOURCE_REPOSITORY_ID, RELEASER.extensions[SOURCE_ID]),
                        Matches(Claim.SOURCE_REF, tag),
                    )
                )
            ),
        )
    )


def trusting_key(key: ec.EllipticCurvePublicKey) -> SignerPolicy:
    """The policy that trusts whoever has the other half of this key."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return SignerPolicy((KeySigner("release", pem),))


@dataclass(frozen=True)
class Beliefs:
    """What a host is told to believe.

    Attributes:
        root: the trusted root, as JSON data.
        policy: who may sign; None when nobody was named.
    """

    root: dict[str, Any]
    policy: SignerPolicy | None

    @property
    def root_json(self) -> bytes:
        """The content of the host's trusted root file."""
        return json.dumps(self.root).encode()

    @property
    def pinned(self) -> PinnedRoot:
        """The root as the host reads it."""
        return parse_root(self.root_json, "the host's root")


def in_instance(sigstore: LocalSigstore, policy: SignerPolicy | None = None) -> Beliefs:
    """Belief in all of an instance, and (unless told otherwise) in the releaser alone."""
    return Beliefs(sigstore.trusted_root(), policy or trusting())

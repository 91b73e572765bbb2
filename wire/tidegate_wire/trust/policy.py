"""Who may sign (docs/threats.md, step 2). Plain data.

Whoever writes a policy has to say both who signs and who vouches for them: a rule that leaves one of the two
open is refused, and so is an empty policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tidegate_wire.trust.rules import AllOf, Claim, Is, PolicyError, Rule, pins

MAX_SIGNERS: Final = 32
"""Signers in one policy. Each costs a comparison, or with keys a signature check, for each message."""


COSIGN: Final = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
PREDICATES: Final = {"signature": COSIGN, "provenance": PROVENANCE}
"""What a signature of an image may say, by the words for it: that it was signed, or how it was built."""

ATTACHMENT_BYTES: Final = 256 * 1024
"""The largest bundle of an image that is looked at. A provenance has about 15 KiB."""

MAX_ATTACHMENTS: Final = 16
"""Bundles of an image that are looked at. Whoever may push can add more."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody with a certificate.

    Attributes:
        rule: what the certificate has to say: the issuer, and either the identity or workflow and its ref.
        name: how the signer is called in sentences; its rule when empty.

    Raises:
        PolicyError: the rule leaves open who signs, or who vouches for it.
    """

    rule: Rule
    name: str = ""
    kind: Literal["certificate"] = "certificate"

    def __post_init__(self) -> None:
        if not pins(self.rule, Claim.ISSUER):
            raise PolicyError(f"the signer {self} needs an issuer: anybody can vouch for any name")
        workflow = pins(self.rule, Claim.WORKFLOW) and pins(self.rule, Claim.WORKFLOW_REF)
        if not (pins(self.rule, Claim.IDENTITY) or workflow):
            raise PolicyError(f"the signer {self} needs an identity, or a workflow and its workflow ref")

    def __str__(self) -> str:
        return f"{self.name} ({self.rule})" if self.name else str(self.rule)


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Somebody with a key pair, for fleets without Sigstore.

    Attributes:
        name: how the signer is called in sentences.
        public_key: PEM, EC P-256.
    """

    name: str
    public_key: str
    kind: Literal["key"] = "key"

    def __str__(self) -> str:
        return f"the key {self.name}"


@dataclass(frozen=True, slots=True)
class SignerPolicy:
    """So many of these signers have to stand behind a statement; each counts once.

    Attributes:
        any_of: the signers: all with certificates, or all with keys.
        threshold: how many.

    Raises:
        PolicyError: there are none, too many, two kinds of them, or fewer than the threshold.
    """

    any_of: tuple[Signer, ...] | tuple[KeySigner, ...]
    threshold: int = 1

    def __post_init__(self) -> None:
        if not self.any_of:
            raise PolicyError("the policy names no signer, so it trusts nobody")
        if len(self.any_of) > MAX_SIGNERS:
            raise PolicyError(f"the policy names more than {MAX_SIGNERS} signers")
        if len({signer.kind for signer in self.any_of}) > 1:
            raise PolicyError("the policy mixes keys and certificates; take one or the other")
        names = [signer.name for signer in self.any_of if isinstance(signer, KeySigner)]
        if len(set(names)) < len(names):
            raise PolicyError("two keys bear one name, so nobody could tell who signed; name them apart")
        if not 1 <= self.threshold <= len(self.any_of):
            raise PolicyError(f"the policy wants {self.threshold} of {len(self.any_of)} signers")

    @property
    def with_keys(self) -> bool:
        """Whether it is for key pairs."""
        return isinstance(self.any_of[0], KeySigner)

    def __str__(self) -> str:
        signers = " or ".join(str(signer) for signer in self.any_of)
        return signers if self.threshold == 1 else f"any {self.threshold} of: {signers}"


@dataclass(frozen=True, slots=True)
class ImagePolicy:
    """What an image's signature has to be.

    Attributes:
        signers: who may sign; this many of them, each in a bundle of their own.
        predicates: the predicate types that count.
    """

    signers: SignerPolicy
    predicates: frozenset[str] = frozenset(PREDICATES.values())


def exactly(identity: str, issuer: str, name: str = "") -> Signer:
    """The signer with this identity and this issuer.

    Raises:
        PolicyError: one of the two is empty.
    """
    return Signer(AllOf((Is(Claim.IDENTITY, identity), Is(Claim.ISSUER, issuer))), name)

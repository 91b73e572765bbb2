"""Who may sign: plain data, composed of small rules (docs/threats.md, step 2).

A rule is about what a certificate claims. Values are compared exactly; only a git ref may be given as a
regular expression, and that has to match the whole ref. Whoever writes a policy has to say both who signs and
who vouches for them: a rule that leaves one of the two open is refused, and so is an empty policy.

The claims are Fulcio's certificate extensions (fulcio, docs/oid-info.md); `evidence` reads them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SIGNERS: Final = 32
"""Signers in one policy. Each costs a comparison, or with keys a signature check, for each message."""


COSIGN: Final = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
PREDICATES: Final = frozenset({COSIGN, PROVENANCE})
"""What a signature of an image may say: no more than that it was signed, or how it was built."""

ATTACHMENT_BYTES: Final = 256 * 1024
"""The largest bundle of an image that is looked at. A provenance has about 15 KiB."""

MAX_ATTACHMENTS: Final = 16
"""Bundles of an image that are looked at. Whoever may push can add more."""


class PolicyError(TidegateError):
    """A policy that trusts nobody, or that does not say whom it trusts: TRUST_POLICY_EMPTY."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.TRUST_POLICY_EMPTY, reason)


class Claim(StrEnum):
    """What a certificate says about its signer."""

    IDENTITY = "identity"  # the only subject alternative name
    ISSUER = "issuer"  # who vouched, OID 1.3.6.1.4.1.57264.1.8
    WORKFLOW = "workflow"  # the identity up to its `@`
    WORKFLOW_REF = "workflow_ref"  # and after it
    RUNNER = "runner"  # .1.11
    SOURCE_REPOSITORY = "source_repository"  # .1.12, a URI
    SOURCE_REF = "source_ref"  # .1.14
    SOURCE_REPOSITORY_ID = "source_repository_id"  # .1.15; a name can change hands, a number cannot
    SOURCE_OWNER = "source_owner"  # .1.16, a URI
    SOURCE_OWNER_ID = "source_owner_id"  # .1.17
    TRIGGER = "trigger"  # .1.20

    @property
    def words(self) -> str:
        """The claim for a sentence."""
        return self.value.replace("_", " ")


REFS: Final = frozenset({Claim.WORKFLOW_REF, Claim.SOURCE_REF})
"""The claims that change with every release, and so may be given by a pattern."""


@dataclass(frozen=True, slots=True)
class Is:
    """The claim is exactly this."""

    claim: Claim
    value: str
    kind: Literal["is"] = "is"

    def __post_init__(self) -> None:
        if not self.value:
            raise PolicyError(f"a signer's {self.claim.words} is empty")

    def __str__(self) -> str:
        return f"{self.claim.words} {self.value}"


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole claim matches this regular expression."""

    claim: Claim
    pattern: str
    kind: Literal["matches"] = "matches"

    def __post_init__(self) -> None:
        if self.claim not in REFS:
            raise PolicyError(f"a signer's {self.claim.words} has to be exact; only refs may be patterns")
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            text = f"the pattern {self.pattern!r} of a signer's {self.claim.words} is not one: {error}"
            raise PolicyError(text) from error
        if compiled.fullmatch("") is not None:
            raise PolicyError(f"the pattern of a signer's {self.claim.words} matches even nothing at all")

    def __str__(self) -> str:
        return f"{self.claim.words} all of /{self.pattern}/"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Each of these rules holds; there is at least one."""

    rules: tuple[Rule, ...]
    kind: Literal["all"] = "all"

    def __post_init__(self) -> None:
        if not self.rules:
            raise PolicyError("'all of' no rules would trust everybody")

    def __str__(self) -> str:
        return ", ".join(str(rule) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these rules holds."""

    rules: tuple[Rule, ...]
    kind: Literal["any"] = "any"

    def __post_init__(self) -> None:
        if not self.rules:
            raise PolicyError("'any of' no rules trusts nobody")

    def __str__(self) -> str:
        return "(" + " or ".join(str(rule) for rule in self.rules) + ")"


Rule = Is | Matches | AllOf | AnyOf


def unmet(rule: Rule, claims: Mapping[Claim, str]) -> tuple[str, ...]:
    """What of a rule does not hold, each in words that name what was found; nothing when it holds."""
    match rule:
        case Is(claim, value):
            return () if claims.get(claim) == value else (_found(rule, claims),)
        case Matches(claim, pattern):
            fits = re.fullmatch(pattern, claims.get(claim, "")) is not None
            return () if fits else (_found(rule, claims),)
        case AllOf(rules):
            return tuple(fault for one in rules for fault in unmet(one, claims))
        case AnyOf(rules):
            faults = [unmet(one, claims) for one in rules]
            return () if () in faults else min(faults, key=len)


def _found(rule: Is | Matches, claims: Mapping[Claim, str]) -> str:
    found = claims.get(rule.claim, "")
    return (
        f"its {rule.claim.words} is {shown(found)}, not {str(rule).removeprefix(rule.claim.words).lstrip()}"
    )


def pins(rule: Rule, claim: Claim) -> bool:
    """Whether nothing satisfies the rule without a word about this claim."""
    match rule:
        case Is() | Matches():
            return rule.claim is claim
        case AllOf(rules):
            return any(pins(one, claim) for one in rules)
        case AnyOf(rules):
            return all(pins(one, claim) for one in rules)


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
    predicates: frozenset[str] = PREDICATES


def exactly(identity: str, issuer: str, name: str = "") -> Signer:
    """The signer with this identity and this issuer.

    Raises:
        PolicyError: one of the two is empty.
    """
    return Signer(AllOf((Is(Claim.IDENTITY, identity), Is(Claim.ISSUER, issuer))), name)

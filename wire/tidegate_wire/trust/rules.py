"""What a certificate has to say: rules about its claims, composed of small ones. Plain data.

Values are compared exactly; only a git ref may be given as a regular expression, and that has to match the
whole ref. An empty 'all of' would hold for everybody, so it cannot be made.

The claims are Fulcio's certificate extensions (fulcio, docs/oid-info.md); `evidence` reads them.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.words import shown

if TYPE_CHECKING:
    from collections.abc import Mapping


class PolicyError(TidegateError):
    """A policy that trusts nobody, or that does not say whom it trusts: TRUST_POLICY_EMPTY."""

    def __init__(self, reason: str) -> None:
        super().__init__(Code.TRUST_POLICY_EMPTY, reason)


class Claim(StrEnum):
    """What a certificate says about its signer."""

    IDENTITY = "identity"  # the only subject alternative name
    ISSUER = "issuer"  # who vouched, OID 1.3.6.1.4.1.57264.1.8
    WORKFLOW = "workflow"  # the identity up to the `@` before its ref
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
            # A stranger may have chosen the ref: it meets a pattern only when all else is right.
            plain, patterns = _apart(rules)
            return _faults(plain, claims) or _faults(patterns, claims)
        case AnyOf(rules):
            faults = []
            for one in itertools.chain(*_apart(rules)):
                if not (found := unmet(one, claims)):
                    return ()
                faults.append(found)
            return min(faults, key=len)


def _faults(rules: tuple[Rule, ...], claims: Mapping[Claim, str]) -> tuple[str, ...]:
    return tuple(fault for one in rules for fault in unmet(one, claims))


def _apart(rules: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    return tuple(r for r in rules if not _by_pattern(r)), tuple(r for r in rules if _by_pattern(r))


def _by_pattern(rule: Rule) -> bool:
    match rule:
        case Is():
            return False
        case Matches():
            return True
        case AllOf(rules) | AnyOf(rules):
            return any(_by_pattern(one) for one in rules)


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

"""What a person configures about signers, on hosts and in release jobs alike: from tables to a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.pem import require_p256
from tidegate_wire.trust.policy import KeySigner, Signer, SignerPolicy
from tidegate_wire.trust.rules import AllOf, AnyOf, Claim, Is, Matches, PolicyError, Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY_BYTES: Final = 16 * 1024


def _refused(code: Code, reason: str) -> PydanticCustomError:
    # pydantic takes the reason as a template; braces in a person's text must not reach it.
    return PydanticCustomError(code.value, "{reason}", {"reason": reason})


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise _refused(Code.CONFIG_VALUE, "expected an absolute path")
    return value


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Values = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=2048)], ...],
    Field(strict=False, max_length=16),
    BeforeValidator(_as_list),
]
"""One text, or a list of texts of which any one will do."""

PATTERNS: Final = {"workflow_ref_pattern": Claim.WORKFLOW_REF, "source_ref_pattern": Claim.SOURCE_REF}
"""Settings that are regular expressions, and the claim that has to match the whole of one."""


class SignerSettings(BaseModel):
    """Somebody whose signature counts: all that is said here has to be so.

    Needed are the issuer, and either the identity or workflow and workflow_ref (or its pattern); or a key
    alone. Texts are compared exactly; where a list is given, any one of them will do.

    Attributes:
        name: how the signer is called in messages.
        identity: the certificate's subject: a workflow's URI with its ref, or an e-mail address.
        issuer: the OIDC issuer that vouched for it.
        workflow: the identity up to the "@" before its ref: the workflow's file, as a URI.
        workflow_ref: the identity after that "@": the branch or tag that the workflow was taken from.
        workflow_ref_pattern: the same as a regular expression, which the whole ref has to match.
        source_repository: the URI of the repository that was built.
        source_repository_id: its number, which stays with it when its name changes hands.
        source_owner: the URI of the repository's owner.
        source_owner_id: the owner's number.
        source_ref: the branch or tag that was built.
        source_ref_pattern: the same as a regular expression, which the whole ref has to match.
        runner: what kind of machine it ran on, such as github-hosted.
        trigger: what started the workflow, such as push.
        key: a public key in a PEM file (EC P-256) in place of all this, for fleets without Sigstore.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=64)] = ""
    identity: Values = ()
    issuer: Values = ()
    workflow: Values = ()
    workflow_ref: Values = ()
    workflow_ref_pattern: Values = ()
    source_repository: Values = ()
    source_repository_id: Values = ()
    source_owner: Values = ()
    source_owner_id: Values = ()
    source_ref: Values = ()
    source_ref_pattern: Values = ()
    runner: Values = ()
    trigger: Values = ()
    key: Annotated[Path, Field(strict=False), AfterValidator(_absolute)] | None = None

    @model_validator(mode="after")
    def _says_who(self) -> Self:
        if self.key is not None and self._rules():
            raise _refused(Code.CONFIG_VALUE, "expected either a key, or what a certificate has to say")
        if self.key is None:
            try:
                self._by_certificate()
            except PolicyError as error:
                raise _refused(error.code, error.reason) from error
        return self

    def signer(self) -> Signer | KeySigner:
        """The signer; a key is read from its file.

        Raises:
            TidegateError: TRUST_KEY_UNUSABLE, the file holds no EC P-256 public key.
        """
        if self.key is None:
            return self._by_certificate()
        name = self.name or self.key.name
        pem = _read(self.key)
        require_p256(pem, name)
        return KeySigner(name, pem)

    def _by_certificate(self) -> Signer:
        rules = self._rules()
        if not rules:
            raise PolicyError("expected an issuer and an identity, or a key")
        return Signer(AllOf(tuple(rules)), self.name)

    def _rules(self) -> list[Rule]:
        exact = [_any(tuple(Is(claim, text) for text in getattr(self, claim.value))) for claim in Claim]
        patterns = [
            _any(tuple(Matches(claim, text) for text in getattr(self, key)))
            for key, claim in PATTERNS.items()
        ]
        return [rule for rule in (*exact, *patterns) if rule is not None]


def policy_of(signers: Sequence[SignerSettings], threshold: int) -> SignerPolicy:
    """The policy that these settings ask for; keys are read from their files.

    Raises:
        PolicyError: there are none of them, or keys among certificates, or fewer than the threshold.
        TidegateError: TRUST_KEY_UNUSABLE, a key cannot be read.
    """
    found = [one.signer() for one in signers]
    keys = tuple(one for one in found if isinstance(one, KeySigner))
    certificates = tuple(one for one in found if isinstance(one, Signer))
    if keys and certificates:
        raise PolicyError("keys and certificates are mixed; take one or the other")
    return SignerPolicy(keys or certificates, threshold)


def _any(rules: tuple[Rule, ...]) -> Rule | None:
    if len(rules) > 1:
        return AnyOf(rules)
    return rules[0] if rules else None


def _read(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(_KEY_BYTES)
    except OSError as error:
        raise TidegateError(Code.TRUST_KEY_UNUSABLE, f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise TidegateError(Code.TRUST_KEY_UNUSABLE, f"{path} is no text") from error

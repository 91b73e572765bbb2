"""Step 8 of the order of verification: the image's own signature (docs/threats.md).

Beside the announcement, the image itself can be signed where it lies: by cosign 3 or as a GitHub artifact
attestation, each a Sigstore bundle that the registry lists as a referrer of the image; or by cosign with a
key pair. What was fetched is data by strangers: whoever may push can add any number of bundles. So one
bundle that holds is enough and the others are let be, unless the policy asks for several signers.

A signature counts if its one subject is the very digest that was announced. Where that is an index, a
signature of one platform's manifest in it says nothing about the others, and does not count
(docs/adr/0007).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import StatementError, Subject, first_fault
from tidegate_wire.trust import keys
from tidegate_wire.trust.cosigned import quorum
from tidegate_wire.trust.policy import ATTACHMENT_BYTES, COSIGN, MAX_ATTACHMENTS
from tidegate_wire.trust.signature import verify_bundle
from tidegate_wire.trust.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_wire.trust.policy import ImagePolicy
    from tidegate_wire.trust.root import PinnedRoot
    from tidegate_wire.trust.signed import Signed

_TOLD: Final = 3


class ImageSignatureError(TidegateError):
    """The image is not signed as the policy asks: IMAGE_SIGNATURE."""


class _Statement(BaseModel):
    """An in-toto statement about an image. cosign 2 still writes its first version."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    type_: Literal["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"] = Field(
        alias="_type"
    )
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Annotated[str, Field(max_length=256)] = Field(alias="predicateType")


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    docker_manifest_digest: str = Field(alias="docker-manifest-digest")


class _Critical(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    type: Literal["cosign container image signature"]
    image: _Named


class _SimplePayload(BaseModel):
    """What cosign 2 signs. `identity.docker-reference` is a name, and decides nothing."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")

    critical: _Critical


def verify_image(
    bundles: Sequence[bytes],
    simple: Sequence[tuple[bytes, bytes]] = (),
    *,
    digest: str,
    root: PinnedRoot | None,
    policy: ImagePolicy,
) -> tuple[Signed, ...]:
    """Verify that an image is signed as a policy asks.

    Args:
        bundles: what was found attached to it; the first 16 are looked at.
        simple: payloads and signatures in cosign 2's form, of which the same is true; they count for key
            pairs only.
        digest: of the image as it was announced, `sha256:…`.
        root: whose keys are believed; a policy of key pairs needs none.
        policy: who has to have signed, and what.

    Returns:
        Who signed; at least as many as the policy asks for.

    Raises:
        ImageSignatureError: it is not.
        MemoryError: there was too little memory to tell. Nothing else.
    """
    signed: list[Signed] = []
    faults: list[str] = []
    checks: list[Callable[[], Signed]] = [
        partial(_bundle, one, digest, root, policy) for one in bundles[:MAX_ATTACHMENTS]
    ]
    # Each kind has its own bound: many of the one must not hide the other.
    checks += [
        partial(_simple, payload, signature, digest, policy)
        for payload, signature in simple[:MAX_ATTACHMENTS]
    ]
    for check in checks:
        try:
            signed.append(check())
        except TidegateError as fault:
            faults.append(f"{fault.reason} [{fault.code}]")
    if quorum(signed) < policy.signers.threshold:
        raise ImageSignatureError(Code.IMAGE_SIGNATURE, _why(len(signed), faults, policy))
    return tuple(signed)


def _bundle(bundle: bytes, digest: str, root: PinnedRoot | None, policy: ImagePolicy) -> Signed:
    signed = verify_bundle(bundle, root=root, policy=policy.signers, cap=ATTACHMENT_BYTES)
    jsontext.parse(signed.payload, ATTACHMENT_BYTES)
    try:
        statement = _Statement.model_validate_json(signed.payload)
    except ValidationError as error:
        raise StatementError(Code.STATEMENT_SCHEMA, first_fault(error)) from error
    if statement.predicate_type not in policy.predicates:
        text = f"its predicate is {shown(statement.predicate_type)}, which is not asked for"
        raise StatementError(Code.STATEMENT_TYPE, text)
    _require_digest(statement.subject[0].sha256, digest)
    return signed


def _simple(payload: bytes, signature: bytes, digest: str, policy: ImagePolicy) -> Signed:
    """A signature in cosign 2's form, over the payload itself (cosign, SIGNATURE_SPEC.md)."""
    if COSIGN not in policy.predicates:
        raise StatementError(Code.STATEMENT_TYPE, "it is a cosign signature, which is not asked for")
    signed = keys.verify_message(payload, payload, signature, policy.signers)
    content = jsontext.parse(payload, ATTACHMENT_BYTES)
    try:
        found = _SimplePayload.model_validate(content).critical
    except ValidationError as error:
        raise StatementError(Code.STATEMENT_SCHEMA, first_fault(error)) from error
    _require_digest(found.image.docker_manifest_digest, digest)
    return signed


def _require_digest(found: str, digest: str) -> None:
    if found != digest:
        raise TidegateError(Code.IMAGE_DIGEST_MISMATCH, f"it is about {shown(found)}, not about {digest}")


def _why(held: int, faults: Sequence[str], policy: ImagePolicy) -> str:
    told = "; ".join(faults[:_TOLD])
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    if held:
        return f"only some of the {policy.signers.threshold} signers needed signed the image: {told}{more}"
    return f"no signature of the image holds: {told}{more}"

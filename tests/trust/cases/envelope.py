"""Cases 30 and 31: the envelope, altered after it was signed, or signed in another way."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.case import Scene, bad
from tests.trust.images import EVIL, NEXT
from tests.trust.releases import statement
from tidegate_publisher.devstack.sigstore.dsse import IN_TOTO_TYPE, Envelope, sign_envelope, signing_function
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge, Signing
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion

_PLAIN_JSON: Final = "application/json"


def _altered(signing: Signing, altered: Envelope, forge: Forge, *, relogged: bool = False) -> Scene:
    """The envelope altered after signing, and the log entry made before or after that."""
    logged = altered if relogged else signing.envelope
    parts = signing.parts(signing.log(logged, signing.certificate))
    return Scene(parts.replace(envelope=altered).message(), forge.beliefs)


def _with_payload(signing: Signing, payload: bytes) -> Envelope:
    return dataclasses.replace(signing.envelope, payload=payload)


def _as_statement(signing: Signing) -> Envelope:
    return dataclasses.replace(signing.envelope, payload_type=IN_TOTO_TYPE)


@bad(Code.SIGNATURE_INVALID)
def case_30a_payload_swapped(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle of the next release around an evil statement."""
    signing = forge.signing(rekor, statement(NEXT.digest))
    return _altered(signing, _with_payload(signing, statement(EVIL.digest)), forge)


@bad(Code.SIGNATURE_INVALID)
def case_30b_payload_swapped_and_logged(forge: Forge, rekor: RekorVersion) -> Scene:
    """The same, with a genuine log entry for what came of it."""
    signing = forge.signing(rekor, statement(NEXT.digest))
    return _altered(signing, _with_payload(signing, statement(EVIL.digest)), forge, relogged=True)


@bad(Code.SIGNATURE_INVALID)
def case_30c_payload_spelled_otherwise(forge: Forge, rekor: RekorVersion) -> Scene:
    """The same JSON with a blank more: what is signed are bytes."""
    signing = forge.signing(rekor)
    return _altered(signing, _with_payload(signing, signing.payload + b" "), forge, relogged=True)


@bad(Code.SIGNATURE_INVALID)
def case_30d_type_swapped(forge: Forge, rekor: RekorVersion) -> Scene:
    """Something else that the releaser signed, passed off as a statement."""
    signing = forge.signing(rekor, payload_type=_PLAIN_JSON)
    return _altered(signing, _as_statement(signing), forge)


@bad(Code.SIGNATURE_INVALID)
def case_30e_type_swapped_and_logged(forge: Forge, rekor: RekorVersion) -> Scene:
    """The same, with a genuine log entry for what came of it."""
    signing = forge.signing(rekor, payload_type=_PLAIN_JSON)
    return _altered(signing, _as_statement(signing), forge, relogged=True)


@bad(Code.STATEMENT_TYPE)
def case_30f_signed_as_another_type(forge: Forge, rekor: RekorVersion) -> Scene:
    """The releaser signed these bytes, as something else."""
    return Scene(forge.signing(rekor, payload_type=_PLAIN_JSON).message(), forge.beliefs)


@bad(Code.SIGNATURE_INVALID)
def case_30g_signature_over_the_bare_payload(forge: Forge, rekor: RekorVersion) -> Scene:
    """The releaser signed these bytes as a file, without a type."""
    signing = forge.signing(rekor)
    bare = (signing_function(signing.key)(signing.payload),)
    envelope = dataclasses.replace(signing.envelope, signatures=bare)
    parts = signing.parts(signing.log(envelope, signing.certificate)).replace(envelope=envelope)
    if parts.timestamps:
        parts = parts.replace(timestamps=(signing.stamp(bare[0]),))
    return Scene(parts.message(), forge.beliefs)


def _with_signatures(signing: Signing, forge: Forge, *signatures: bytes) -> Scene:
    envelope = dataclasses.replace(signing.envelope, signatures=signatures)
    return Scene(signing.parts().replace(envelope=envelope).message(), forge.beliefs)


@bad(Code.SIGNATURE_MISSING)
def case_31a_no_signature(forge: Forge, rekor: RekorVersion) -> Scene:
    return _with_signatures(forge.signing(rekor), forge)


@bad(Code.SIGNATURE_MISSING)
def case_31b_empty_signature(forge: Forge, rekor: RekorVersion) -> Scene:
    return _with_signatures(forge.signing(rekor), forge, b"")


@bad(Code.SIGNATURE_MALFORMED)
def case_31c_one_signature_twice(forge: Forge, rekor: RekorVersion) -> Scene:
    signing = forge.signing(rekor)
    return _with_signatures(signing, forge, *signing.envelope.signatures * 2)


@bad(Code.SIGNATURE_MALFORMED)
def case_31d_a_strangers_signature_beside_it(forge: Forge, rekor: RekorVersion) -> Scene:
    signing = forge.signing(rekor)
    strangers = sign_envelope(signing.payload, ec.generate_private_key(ec.SECP256R1())).signatures
    return _with_signatures(signing, forge, *signing.envelope.signatures, *strangers)


@bad(Code.SIGNATURE_MALFORMED, "v1")
def case_31e_two_signatures_and_logged_so(forge: Forge, rekor: RekorVersion) -> Scene:
    """Two good signatures, and a log entry of both."""
    signing = forge.signing(rekor)
    again = sign_envelope(signing.payload, signing.key).signatures
    both = Envelope(signing.payload, signing.payload_type, (*signing.envelope.signatures, *again))
    parts = signing.parts(signing.log(both, signing.certificate))
    return Scene(parts.replace(envelope=both).message(), forge.beliefs)

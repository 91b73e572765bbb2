"""Cases 36 and 37: signed in another way than with one certificate around one DSSE envelope."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trust.beliefs import Beliefs, trusting_key
from tests.trust.case import Scene, bad
from tests.trust.releases import the_truth
from tidegate_publisher.devstack.sigstore import rekor_v1, rekor_v2
from tidegate_publisher.devstack.sigstore.dsse import pae, signing_function
from tidegate_publisher.devstack.sigstore.entry import LogEntry, encode
from tidegate_publisher.devstack.sigstore.tlog import canonical_json
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.trust.forge import Forge, Signing
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def _changed(forge: Forge, rekor: RekorVersion, change: Callable[[dict[str, Any]], object]) -> Scene:
    data = json.loads(forge.signing(rekor).message())
    change(data)
    return Scene(json.dumps(data).encode(), forge.beliefs)


def _artifact_entry(signing: Signing, message: bytes, signature: bytes) -> LogEntry:
    """The log's entry for a signature over a file."""
    digest = hashlib.sha256(message).digest()
    if signing.rekor == "v1":
        body = rekor_v1.hashedrekord_body(digest, signature, signing.certificate)
        return signing.relog(body, kind="hashedrekord")
    return signing.relog(rekor_v2.hashedrekord_body(digest, signature, signing.certificate))


@bad(Code.SIGNATURE_MALFORMED)
def case_36a_artifact_bundle(forge: Forge, rekor: RekorVersion) -> Scene:
    """The statement signed as a file, in a bundle that is perfect for a file."""
    signing = forge.signing(rekor)
    signature = signing_function(signing.key)(signing.payload)
    parts = signing.parts(_artifact_entry(signing, signing.payload, signature))
    if parts.timestamps:
        parts = parts.replace(timestamps=(signing.stamp(signature),))
    data = parts.data()
    del data["dsseEnvelope"]
    digest = {"algorithm": "SHA2_256", "digest": encode(hashlib.sha256(signing.payload).digest())}
    data["messageSignature"] = {"messageDigest": digest, "signature": encode(signature)}
    return Scene(json.dumps(data).encode(), forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_36b_artifact_and_envelope(forge: Forge, rekor: RekorVersion) -> Scene:
    """A file's signature beside a genuine envelope."""
    extra = {"messageDigest": {"algorithm": "SHA2_256", "digest": encode(bytes(32))}, "signature": "AAAA"}
    return _changed(forge, rekor, lambda data: data.update(messageSignature=extra))


@bad(Code.SIGNATURE_LOG, "v1")
def case_36c_envelope_logged_as_artifact(forge: Forge, rekor: RekorVersion) -> Scene:
    """The reverse: a genuine envelope, whose signature the log knows as that of a file."""
    signing = forge.signing(rekor)
    encoded = pae(signing.payload_type, signing.payload)
    entry = _artifact_entry(signing, encoded, signing.envelope.signatures[0])
    return Scene(signing.parts(entry).message(), forge.beliefs)


@bad(Code.SIGNATURE_MISSING)
def case_36d_neither(forge: Forge, rekor: RekorVersion) -> Scene:
    return _changed(forge, rekor, lambda data: data.pop("dsseEnvelope"))


def _key(signing: Signing) -> ec.EllipticCurvePublicKey:
    assert isinstance(signing.key, ec.EllipticCurvePrivateKey)
    return signing.key.public_key()


def _key_bundle(signing: Signing) -> dict[str, Any]:
    """The same signature in a bundle under the bare key."""
    public = _key(signing).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = json.loads(signing.parts(_key_entry(signing, public)).message())
    del data["verificationMaterial"]["certificate"]
    data["verificationMaterial"]["publicKey"] = {"hint": encode(hashlib.sha256(public).digest())}
    found: dict[str, Any] = data
    return found


def _in_key_mode(message: bytes, signing: Signing, forge: Forge, *, cured: Beliefs | None = None) -> Scene:
    """Heard by a host that trusts the very key under the certificate."""
    truth = json.dumps(_key_bundle(dataclasses.replace(signing, payload=the_truth()))).encode()
    return Scene(message, Beliefs(forge.beliefs.root, trusting_key(_key(signing))), cured, truth)


@bad(Code.SIGNATURE_MALFORMED)
def case_37a_key_bundle(forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed with a bare key, perfect for a host that trusts that key."""
    signing = forge.signing(rekor)
    message = json.dumps(_key_bundle(signing)).encode()
    return Scene(message, forge.beliefs, Beliefs(forge.beliefs.root, trusting_key(_key(signing))))


def _key_entry(signing: Signing, public: bytes) -> LogEntry:
    """The log's entry for a signature by a bare key."""
    body = json.loads(signing.log(signing.envelope, signing.certificate).body)
    if signing.rekor == "v1":
        pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(public) + b"-----END PUBLIC KEY-----\n"
        body["spec"]["signatures"][0]["verifier"] = encode(pem)
    else:
        verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": encode(public)}}
        body["spec"]["hashedRekordV002"]["signature"]["verifier"] = verifier
    return signing.relog(canonical_json(body))


@bad(Code.SIGNATURE_MALFORMED)
def case_37b_key_beside_the_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle that also hints at a key."""
    return _changed(
        forge, rekor, lambda data: data["verificationMaterial"].update(publicKey={"hint": "AAAA"})
    )


@bad(Code.SIGNATURE_MALFORMED)
def case_36e_unknown_member(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine bundle with something more that a later version may understand."""
    return _changed(forge, rekor, lambda data: data.update(more=1))


@bad(Code.SIGNATURE_MALFORMED)
def case_37c_certificate_where_a_key_is_trusted(forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed with the trusted key, in a bundle that is perfect for a host that trusts the certificate."""
    signing = forge.signing(rekor)
    return _in_key_mode(signing.message(), signing, forge, cured=forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_37d_certificate_beside_the_trusted_key(forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed with the trusted key, with a certificate for it as well."""
    signing = forge.signing(rekor)
    data = _key_bundle(signing)
    certificate = signing.certificate.public_bytes(Encoding.DER)
    data["verificationMaterial"]["certificate"] = {"rawBytes": encode(certificate)}
    return _in_key_mode(json.dumps(data).encode(), signing, forge)


@bad(Code.SIGNATURE_IDENTITY)
def case_37e_another_key(forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed with another key than the host trusts, under the hint of that one."""
    trusted, other = forge.signing(rekor), forge.signing(rekor)
    data = _key_bundle(other)
    data["verificationMaterial"]["publicKey"] = _key_bundle(trusted)["verificationMaterial"]["publicKey"]
    cured = Beliefs(forge.beliefs.root, trusting_key(_key(other)))
    return _in_key_mode(json.dumps(data).encode(), trusted, forge, cured=cured)

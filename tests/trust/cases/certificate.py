"""Cases 10 to 13: genuine in all but what the signer's certificate is for, and who knows of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.trust.beliefs import RELEASER, Beliefs, in_instance
from tests.trust.case import Scene, bad
from tests.trust.leaves import dropping, replacing
from tidegate_publisher.devstack.sigstore.ca import LeafRequest, key_usage
from tidegate_publisher.devstack.sigstore.ctlog import CtLog
from tidegate_publisher.devstack.sigstore.dsse import pae
from tidegate_publisher.devstack.sigstore.entry import encode
from tidegate_publisher.devstack.sigstore.rekor_v2 import hashedrekord_body
from tidegate_publisher.devstack.sigstore.tlog import canonical_json
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from datetime import datetime

    from tests.trust.forge import Forge, Signing
    from tests.trust.leaves import Edit
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_publisher.devstack.sigstore.trust import RekorVersion


def _made_by(instance: LocalSigstore, forge: Forge, rekor: RekorVersion) -> Scene:
    """Signed in another instance; who believes in that one believes it."""
    return Scene(forge.signing(rekor, by=instance).message(), forge.beliefs, in_instance(instance))


def _with_leaf(edit: Edit, forge: Forge, rekor: RekorVersion) -> Scene:
    return Scene(forge.signing(rekor, edit=edit).message(), forge.beliefs)


@bad(Code.SIGNATURE_ROOT)
def case_10a_certificate_for_servers(forge: Forge, rekor: RekorVersion) -> Scene:
    """A certificate for TLS."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return _with_leaf(replacing(usage, critical=False), forge, rekor)


@bad(Code.SIGNATURE_ROOT)
def case_10b_certificate_for_anything(forge: Forge, rekor: RekorVersion) -> Scene:
    """A certificate for whatever one likes."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    return _with_leaf(replacing(usage, critical=False), forge, rekor)


@bad(Code.SIGNATURE_ROOT)
def case_10c_key_not_for_signatures(forge: Forge, rekor: RekorVersion) -> Scene:
    """Code signing, with a key that is not for signatures."""
    return _with_leaf(replacing(key_usage(signs_certificates=True), critical=True), forge, rekor)


@bad(Code.SIGNATURE_ROOT)
def case_10d_no_extended_key_usage(forge: Forge, rekor: RekorVersion) -> Scene:
    """A certificate that does not say what for."""
    return _with_leaf(dropping(x509.ExtendedKeyUsage), forge, rekor)


@bad(Code.SIGNATURE_LOG)
def case_11_no_sct(forge: Forge, rekor: RekorVersion) -> Scene:
    """No CT log was told of the certificate."""
    return Scene(forge.signing(rekor, ctlog=None).message(), forge.beliefs)


@bad(Code.SIGNATURE_LOG)
def case_12a_sct_by_unknown_log(forge: Forge, rekor: RekorVersion) -> Scene:
    """A CT log was told that hosts do not know."""
    return _made_by(forge.instance(ctlog=forge.stranger.material.ctlog), forge, rekor)


@dataclass(frozen=True, slots=True)
class _Impostor(CtLog):
    """A CT log that signs as another."""

    claimed: bytes

    @property
    def log_id(self) -> bytes:
        return self.claimed


@bad(Code.SIGNATURE_LOG)
def case_12b_sct_forged(forge: Forge, rekor: RekorVersion) -> Scene:
    """The id of the CT log that hosts know, over a signature by another key."""
    impostor = _Impostor(forge.stranger.material.ctlog, forge.sigstore.ctlog.log_id)
    return Scene(forge.signing(rekor, ctlog=impostor).message(), forge.beliefs)


@dataclass(frozen=True, slots=True)
class _Misplaced(CtLog):
    """A CT log whose proof is about another certificate."""

    other: bytes

    def sign(self, tbs: bytes, issuer_key_id: bytes, now: datetime) -> bytes:
        assert tbs != self.other
        return CtLog.sign(self, self.other, issuer_key_id, now)


@bad(Code.SIGNATURE_LOG)
def case_12c_sct_of_another_certificate(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine proof of the known CT log, about another certificate of the same signer."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = LeafRequest(key.public_key(), RELEASER, forge.signing(rekor).at)
    other = forge.sigstore.ca.issue(request, None)
    misplaced = _Misplaced(forge.sigstore.ctlog.key, other.tbs_certificate_bytes)
    return Scene(forge.signing(rekor, ctlog=misplaced).message(), forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_13a_ed25519(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine certificate for an Ed25519 key."""
    signing = forge.signing(rekor, key=ed25519.Ed25519PrivateKey.generate())
    return _of_other_kind(signing, "PKIX_ED25519", forge.beliefs)


@bad(Code.SIGNATURE_MALFORMED)
def case_13b_p384(forge: Forge, rekor: RekorVersion) -> Scene:
    """A genuine certificate for a P-384 key, which has signed with SHA-256, as verifiers assume."""
    signing = forge.signing(rekor, key=ec.generate_private_key(ec.SECP384R1()))
    return _of_other_kind(signing, "PKIX_ECDSA_P384_SHA_256", forge.beliefs)


def _of_other_kind(signing: Signing, kind: str, beliefs: Beliefs) -> Scene:
    """Rekor v2 takes P-256 alone: where it is asked, the entry is written as it would be."""
    if signing.rekor == "v1":
        return Scene(signing.message(), beliefs)
    digest = hashlib.sha256(pae(signing.envelope.payload_type, signing.payload)).digest()
    ordinary = dataclasses.replace(signing, key=ec.generate_private_key(ec.SECP256R1())).certificate
    body = json.loads(hashedrekord_body(digest, signing.envelope.signatures[0], ordinary))
    certificate = {"rawBytes": encode(signing.certificate.public_bytes(Encoding.DER))}
    verifier = {"keyDetails": kind, "x509Certificate": certificate}
    body["spec"]["hashedRekordV002"]["signature"]["verifier"] = verifier
    return Scene(signing.parts(signing.relog(canonical_json(body))).message(), beliefs)

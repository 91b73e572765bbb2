"""What the development authority puts into certificates, checked with the standard parsers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from tidegate_publisher.devstack.sigstore import LocalSigstore, email_claims, github_claims, gitlab_claims
from tidegate_publisher.devstack.sigstore.ca import LeafRequest
from tidegate_publisher.devstack.sigstore.ctlog import signed_struct
from tidegate_publisher.devstack.sigstore.identity import fulcio_extension, identity_of
from tidegate_publisher.devstack.sigstore.keys import public_key_id

if TYPE_CHECKING:
    from cryptography.x509.certificate_transparency import SignedCertificateTimestamp

NOW = datetime(2031, 5, 17, 12, 30, 15, 987654, tzinfo=UTC)
SIGSTORE = LocalSigstore.create(NOW)


def leaf_for(claims: dict[str, object]) -> x509.Certificate:
    return SIGSTORE.certify(ec.generate_private_key(ec.SECP256R1()).public_key(), claims, NOW)


def extension(certificate: x509.Certificate, number: int) -> bytes:
    oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
    value = certificate.extensions.get_extension_for_oid(oid).value
    assert isinstance(value, x509.UnrecognizedExtension)
    return value.value


def test_a_leaf_is_what_fulcio_specifies() -> None:
    leaf = leaf_for(email_claims("me@example.org", "https://issuer.example.org"))
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(leaf.subject) == []
    assert san.critical
    assert san.value.get_values_for_type(x509.RFC822Name) == ["me@example.org"]
    assert list(usages) == [ExtendedKeyUsageOID.CODE_SIGNING]
    assert leaf.not_valid_before_utc == NOW.replace(microsecond=0)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(minutes=10)
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    leaf.verify_directly_issued_by(SIGSTORE.ca.certificate)
    SIGSTORE.ca.certificate.verify_directly_issued_by(SIGSTORE.material.root.certificate)


def test_authorities_are_p384_and_say_that_they_protect_nothing() -> None:
    for issuer in (SIGSTORE.material.root, SIGSTORE.ca, SIGSTORE.material.tsa_root):
        assert isinstance(issuer.key.curve, ec.SECP384R1)
        assert "DEVELOPMENT ONLY" in issuer.certificate.subject.rfc4514_string()


def test_the_issuer_is_written_in_both_forms() -> None:
    leaf = leaf_for(email_claims("me@example.org", "https://issuer.example.org"))
    assert extension(leaf, 1) == b"https://issuer.example.org"
    assert extension(leaf, 8) == b"\x0c\x1ahttps://issuer.example.org"


@given(st.text(max_size=300))
def test_new_extensions_are_der_utf8_strings(value: str) -> None:
    encoded = fulcio_extension(12, value).value
    raw = value.encode()
    if len(raw) < 0x80:
        head = bytes([0x0C, len(raw)])
    else:
        length = len(raw).to_bytes((len(raw).bit_length() + 7) // 8)
        head = bytes([0x0C, 0x80 | len(length)]) + length
    assert encoded == head + raw
    assert fulcio_extension(6, value).value == raw


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (2, "push"),
        (5, "acme/os"),
        (6, "refs/tags/v7"),
        (9, "https://github.com/shared/flows/.github/workflows/build.yml@refs/heads/main"),
        (11, "github-hosted"),
        (12, "https://github.com/acme/os"),
        (14, "refs/tags/v7"),
        (15, "4711"),
        (16, "https://github.com/acme"),
        (18, "https://github.com/acme/os/.github/workflows/release.yml@refs/tags/v7"),
        (20, "push"),
        (21, "https://github.com/acme/os/actions/runs/1/attempts/1"),
        (22, "public"),
    ],
)
def test_a_reusable_workflow_is_the_signer_and_its_caller_the_source(number: int, value: str) -> None:
    called = "shared/flows/.github/workflows/build.yml@refs/heads/main"
    claims = github_claims("acme/os", ref="refs/tags/v7", job_workflow_ref=called, repository_id="4711")
    leaf = leaf_for(claims)
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.UniformResourceIdentifier) == [f"https://github.com/{called}"]
    assert extension(leaf, number).endswith(value.encode())


def test_a_gitlab_branch_and_tag_give_full_refs() -> None:
    branch = identity_of(gitlab_claims("acme/os", ref="refs/heads/feature/x"))
    tag = identity_of(gitlab_claims("acme/os", ref="refs/tags/v7"))
    assert branch.extensions[14] == "refs/heads/feature/x"
    assert tag.extensions[14] == "refs/tags/v7"
    assert tag.san == "https://gitlab.com/acme/os//.gitlab-ci.yml@refs/tags/v7"


def test_a_subject_that_is_a_uri_becomes_a_uri() -> None:
    identity = identity_of({"iss": "https://issuer.example.org", "sub": "spiffe://example.org/builder"})
    assert identity.general_name() == x509.UniformResourceIdentifier("spiffe://example.org/builder")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "me"},
        {"iss": "https://issuer.example.org"},
        {"iss": "https://issuer.example.org", "sub": 5},
        {"iss": "https://issuer.example.org", "sub": "x", "email": "x@example.org"},
        {"iss": "https://issuer.example.org", "sub": "x", "job_workflow_ref": "o/r/f.yml@refs/heads/main"},
    ],
)
def test_claims_that_lack_something_certify_nobody(claims: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the token"):
        identity_of(claims)


def the_sct(leaf: x509.Certificate) -> SignedCertificateTimestamp:
    scts = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    assert len(scts) == 1
    sct: SignedCertificateTimestamp = scts[0]
    return sct


def test_the_sct_is_the_logs_signature_over_the_precertificate() -> None:
    leaf = leaf_for(email_claims("me@example.org"))
    sct = the_sct(leaf)
    milliseconds = int(NOW.timestamp()) * 1000
    issuer = public_key_id(SIGSTORE.ca.key.public_key())
    signed = signed_struct(leaf.tbs_precertificate_bytes, issuer, milliseconds)
    assert sct.log_id == SIGSTORE.ctlog.log_id
    assert sct.timestamp == NOW.replace(microsecond=0, tzinfo=None)
    public = SIGSTORE.ctlog.key.public_key()
    public.verify(sct.signature, signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(sct.signature, signed[:-3] + b"\x01\x00\x00", ec.ECDSA(hashes.SHA256()))


def test_the_signed_struct_is_laid_out_as_the_rfc_says() -> None:
    laid_out = signed_struct(b"TBS", b"i" * 32, 0x0102030405060708)
    expected = "00 00 0102030405060708 0001" + "69" * 32 + "000003 544253 0000"
    assert laid_out == bytes.fromhex(expected)


def test_the_steps_can_be_taken_wrongly_on_purpose() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    identity = identity_of(email_claims("me@example.org"))
    usages = (ExtendedKeyUsageOID.SERVER_AUTH,)
    leaf = SIGSTORE.ca.issue(LeafRequest(key.public_key(), identity, NOW, usages=usages), ctlog=None)
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == list(usages)
    with pytest.raises(x509.ExtensionNotFound):
        the_sct(leaf)

"""From a refusal by sigstore-python to its code and a sentence for people.

The library's texts change and its errors are not a closed set, so the code comes from facts: how far the gate
was reached, and checks of our own. They explain a refusal; they never turn one into an acceptance.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore.errors import CertValidationError

from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_wire.trust.chain import issued_by
from tidegate_wire.trust.dsse import pae, signed_by
from tidegate_wire.trust.policy import Signer
from tidegate_wire.trust.rules import unmet
from tidegate_wire.trust.signed import SignatureError
from tidegate_wire.trust.timestamps import stamped_by

if TYPE_CHECKING:
    from tidegate_wire.trust.case import Case
    from tidegate_wire.trust.gate import Gate

_CODE_SIGNING: Final = ExtendedKeyUsageOID.CODE_SIGNING


def diagnose(case: Case, gate: Gate, error: Exception) -> SignatureError:
    """Say why a bundle was refused. Never raises over what the bundle holds."""
    try:
        code, reason = _find(case, gate, error)
    # It was refused already; a fault while looking for the reason must not hide that.
    except Exception:  # noqa: BLE001
        code, reason = _unknown(error)
    return SignatureError(code, reason)


def _find(case: Case, gate: Gate, error: Exception) -> tuple[Code, str]:
    if not gate.asked:
        return _before_policy(case, error)
    if not gate.passed:
        return Code.SIGNATURE_IDENTITY, _stranger(case)
    envelope = case.bundle.dsse_envelope
    message = pae(envelope.payload_type, envelope.payload)
    if not signed_by(case.evidence.key, envelope.signatures[0].sig, message):
        text = f"the signature does not fit the content; the certificate is that of {case.evidence.signer}"
        return Code.SIGNATURE_INVALID, text
    # Time, chain, SCT, signer and signature hold: what is left is the log entry and what it speaks of.
    return _log_at_fault(case)


def _stranger(case: Case) -> str:
    rules = [signer.rule for signer in case.policy.any_of if isinstance(signer, Signer)]
    nearest = min((unmet(rule, case.evidence.claims) for rule in rules), key=len)
    told = f"signed by {case.evidence.signer}, but this channel trusts only {case.policy}"
    return f"{told}: {'; '.join(nearest)}"


def _before_policy(case: Case, error: Exception) -> tuple[Code, str]:
    signer = case.evidence.signer
    if not issued_by(case.evidence.certificate, case.root.certificate_authorities):
        text = f"the certificate of {signer} was issued by no authority in {case.root.origin}"
        return Code.SIGNATURE_ROOT, text
    if not issued_by(case.evidence.certificate, case.authorities):
        text = f"the authority that issued the certificate of {signer} was not valid at the time of signing"
        return Code.SIGNATURE_ROOT, text
    if _outside_certificate(case):
        text = f"the time of signing lies outside the validity of the certificate of {signer}"
        return Code.SIGNATURE_TIMESTAMP, text
    if isinstance(error, CertValidationError):
        return Code.SIGNATURE_ROOT, f"the certificate of {signer} does not lead to {case.root.origin}"
    return _time_or_certificate(case, error)


def _time_or_certificate(case: Case, error: Exception) -> tuple[Code, str]:
    signer = case.evidence.signer
    if not case.evidence.certified_times:
        return Code.SIGNATURE_LOG, f"the certificate of {signer} bears no proof of a certificate log (SCT)"
    if not _for_code_signing(case.evidence.certificate):
        return Code.SIGNATURE_ROOT, f"the certificate of {signer} is not for code signing"
    if case.bundle.timestamps and not _stamped(case):
        text = f"no timestamp authority in {case.root.origin} stands behind the signature by {signer}"
        return Code.SIGNATURE_TIMESTAMP, text
    if not case.bundle.timestamps and case.bundle.entry.kind_version.version != "0.0.1":
        text = "a timestamp is missing; the time in the log entry is not one that a log of its kind signs"
        return Code.SIGNATURE_TIMESTAMP, text
    if len(case.evidence.certified_times) == 1:
        text = f"no certificate log in {case.root.origin} stands behind the certificate of {signer}"
        return Code.SIGNATURE_LOG, text
    return _unknown(error)


def _log_at_fault(case: Case) -> tuple[Code, str]:
    log_id = base64.b64encode(case.bundle.entry.log_id.key_id).decode()
    if log_id not in {party.log_id for party in case.root.tlogs}:
        return Code.SIGNATURE_LOG, f"{case.root.origin} does not know the transparency log of the entry"
    if log_id not in {party.log_id for party in case.tlogs}:
        text = f"the transparency log's key was not valid at the time of signing, {_when(case)}"
        return Code.SIGNATURE_LOG, text
    text = f"the transparency log's proof does not hold, or is not about this by {case.evidence.signer}"
    return Code.SIGNATURE_LOG, text


def _stamped(case: Case) -> bool:
    signature = case.bundle.dsse_envelope.signatures[0].sig
    trusted = case.timestamp_authorities
    return any(stamped_by(one, signature, trusted) for one in case.bundle.timestamps)


def _outside_certificate(case: Case) -> bool:
    start, end = case.evidence.not_before, case.evidence.not_after
    return not all(start <= moment <= end for moment in case.evidence.signing_times)


def _for_code_signing(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.digital_signature and _CODE_SIGNING in extended


def _when(case: Case) -> str:
    return " and ".join(rfc3339(moment) for moment in sorted(case.evidence.signing_times))


def _unknown(error: Exception) -> tuple[Code, str]:
    return Code.SIGNATURE_INVALID, f"the bundle does not verify ({type(error).__name__})"

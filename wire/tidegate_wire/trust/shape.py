"""From bytes to a bundle worth verifying: step 1 of the order of verification, and the shape in step 2.

What is missing or too many gets the code of the piece that is missing, before any cryptography.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from pydantic import ValidationError

from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import first_fault
from tidegate_wire.trust.bundle import Bundle, KeyBundle

if TYPE_CHECKING:
    from tidegate_wire.trust.bundle import Envelope, LogEntry

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_TIMESTAMPS: Final = 32
"""As in sigstore-go: each timestamp costs a certificate path to verify."""


class BundleError(TidegateError):
    """A message that is no bundle we can verify: SIGNATURE_MISSING, _MALFORMED, _LOG or _TIMESTAMP."""


def parse_bundle(raw: bytes, cap: int = limits.STATEMENT_BYTES) -> Bundle:
    """Read a bundle with a certificate: step 1, and the shape in step 2, of the order of verification.

    Args:
        raw: the bytes as they came.
        cap: the largest bundle in bytes.

    Raises:
        JsonError: it is too large, too deep or not JSON.
        BundleError: it is not a bundle that could be verified.
    """
    _check_kind(jsontext.parse(raw, cap), unwanted="publicKey")
    bundle = _read(Bundle, raw)
    _check_signatures(bundle.dsse_envelope)
    _check_entries(bundle.verification_material.tlog_entries)
    _check_timestamps(bundle)
    return bundle


def parse_key_bundle(raw: bytes, cap: int = limits.STATEMENT_BYTES) -> KeyBundle:
    """Read a bundle under a key pair, as `parse_bundle` does.

    Raises:
        JsonError: it is too large, too deep or not JSON.
        BundleError: it is not a bundle under a key pair.
    """
    _check_kind(jsontext.parse(raw, cap), unwanted="certificate")
    bundle = _read(KeyBundle, raw)
    _check_signatures(bundle.dsse_envelope)
    return bundle


_UNWANTED: Final = {
    "publicKey": "the bundle was signed with a bare key, where a certificate is expected",
    "certificate": "the bundle carries a certificate, where a signature by a bare key is expected",
}

B = TypeVar("B", Bundle, KeyBundle)


def _read(kind: type[B], raw: bytes) -> B:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        text = f"the bundle is malformed: {_printable(first_fault(error))}"
        raise BundleError(Code.SIGNATURE_MALFORMED, text) from error


def _check_kind(content: object, unwanted: str) -> None:
    if not isinstance(content, dict) or not {"mediaType", "verificationMaterial"} & content.keys():
        _refuse(Code.SIGNATURE_MISSING, "the message is plain JSON and no Sigstore bundle: nobody signed it")
    media_type = content.get("mediaType")
    if media_type != MEDIA_TYPE:
        found = repr(media_type)[:120]
        _refuse(Code.SIGNATURE_MALFORMED, f"the bundle's mediaType is {found}, not {MEDIA_TYPE!r}")
    if "messageSignature" in content:
        text = "the bundle signs a file's digest, where a signed statement (dsseEnvelope) is expected"
        _refuse(Code.SIGNATURE_MALFORMED, text)
    if "dsseEnvelope" not in content:
        _refuse(Code.SIGNATURE_MISSING, "the bundle holds no dsseEnvelope: there is no signed content")
    material = content.get("verificationMaterial")
    if isinstance(material, dict) and unwanted in material:
        _refuse(Code.SIGNATURE_MALFORMED, _UNWANTED[unwanted])


def _printable(text: str) -> str:
    # A fault names the field, and a stranger chose its name: no escape sequence may reach a terminal or log.
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _check_signatures(envelope: Envelope) -> None:
    if not envelope.signatures or not envelope.signatures[0].sig:
        _refuse(Code.SIGNATURE_MISSING, "the envelope carries no signature")
    if len(envelope.signatures) > 1:
        text = f"the envelope carries {len(envelope.signatures)} signatures, where exactly one is expected"
        _refuse(Code.SIGNATURE_MALFORMED, text)


def _check_entries(entries: tuple[LogEntry, ...]) -> None:
    if not entries:
        text = (
            "the bundle has no transparency log entry, so nobody else could have seen the signature"
            " (attestations of private GitHub repositories have none)"
        )
        _refuse(Code.SIGNATURE_LOG, text)
    if len(entries) > 1:
        text = f"the bundle has {len(entries)} transparency log entries, where exactly one is expected"
        _refuse(Code.SIGNATURE_LOG, text)
    proof = entries[0].inclusion_proof
    if proof is None:
        _refuse(Code.SIGNATURE_LOG, "the transparency log entry has no inclusion proof")
    if proof.checkpoint is None:
        _refuse(Code.SIGNATURE_LOG, "the inclusion proof has no checkpoint signed by the log")


def _check_timestamps(bundle: Bundle) -> None:
    stamps = bundle.timestamps
    if not stamps and not (bundle.entry.inclusion_promise and bundle.entry.integrated_time):
        text = "neither a timestamp nor a signed time of the log says when the signature was made"
        _refuse(Code.SIGNATURE_TIMESTAMP, text)
    if len(stamps) > MAX_TIMESTAMPS or len(set(stamps)) != len(stamps):
        text = f"the bundle has repeated timestamps or more than {MAX_TIMESTAMPS} of them"
        _refuse(Code.SIGNATURE_TIMESTAMP, text)


def _refuse(code: Code, reason: str) -> NoReturn:
    raise BundleError(code, reason)

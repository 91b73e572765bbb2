"""Signatures as cosign 2 leaves them: not referrers, but layers of a manifest under a tag of their own.

Source: cosign's SIGNATURE_SPEC.md. Only fetching is done here. What is in an annotation is not covered by any
digest that was signed: it is a claim until the signature over the payload was verified.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.attachments import MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, NO_ANSWER
from tidegate_wire.registry.download import read_blob
from tidegate_wire.registry.parsing import parse_manifest
from tidegate_wire.registry.referrers import fallback_tag

if TYPE_CHECKING:
    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"
# cosign writes up to 8 KiB for each signature with a certificate, chain and log entry. Whoever may push the
# tag decides what is in it.
MAX_TAGGED_MANIFEST_BYTES = 256 * 1024
_MAX_SIGNATURE = 4096  # characters; RSA with 8192 bits needs 1368


@dataclass(frozen=True, slots=True)
class SimpleSigning:
    """One signature, not verified.

    Attributes:
        payload: the JSON document that was signed.
        signature: over the payload, as the key's algorithm writes it (ECDSA: DER).
        has_certificate: whether a certificate lies beside it; it was signed keyless then.
    """

    payload: bytes
    signature: bytes
    has_certificate: bool


def legacy_signature(source: ImageSource, digest: str) -> bool:
    """Whether the tag is there that cosign 2 would sign a digest under, whatever it holds.

    Raises:
        TidegateError: see ImageSource.resolve.
    """
    return _tagged(source, digest) is not None


def fetch_simple_signing(source: ImageSource, digest: str) -> tuple[SimpleSigning, ...]:
    """The signatures that cosign 2 left for a digest, at most 16, in the manifest's order.

    A layer without a readable signature, or whose payload cannot be had, is passed over: it must not hide the
    others.

    Raises:
        TidegateError: IMAGE_MALFORMED and the like, when what the tag names is no manifest; IMAGE_TOO_LARGE
            above 256 KiB; IMAGE_UNREACHABLE, IMAGE_UNAUTHORIZED.
    """
    tagged = _tagged(source, digest)
    if tagged is None:
        return ()
    raw = source.manifest(tagged)
    if len(raw) > MAX_TAGGED_MANIFEST_BYTES:
        text = f"the manifest of the signatures of {digest} has more than {MAX_TAGGED_MANIFEST_BYTES} bytes"
        raise TidegateError(Code.IMAGE_TOO_LARGE, text)
    manifest = parse_manifest(raw, tagged)
    layers = [layer for layer in manifest.layers if layer.media_type == SIMPLE_SIGNING]
    # Several keys usually sign the same payload.
    payloads: dict[str, bytes] = {}
    found = (_read(source, layer, payloads) for layer in layers[:MAX_ATTACHMENTS])
    return tuple(entry for entry in found if entry is not None)


def _tagged(source: ImageSource, digest: str) -> str | None:
    try:
        return source.resolve(f"{fallback_tag(digest)}.sig")
    except TidegateError as error:
        if error.code is Code.IMAGE_NOT_FOUND:
            return None
        raise


def _read(source: ImageSource, layer: Descriptor, payloads: dict[str, bytes]) -> SimpleSigning | None:
    annotations = layer.annotations or {}
    signature = _decode(annotations.get(SIGNATURE_ANNOTATION, ""))
    if not signature:
        return None
    try:
        if layer.digest not in payloads:
            payloads[layer.digest] = read_blob(source, layer, MAX_ATTACHMENT_BYTES)
    except TidegateError as error:
        if error.code in NO_ANSWER:
            raise
        return None
    return SimpleSigning(payloads[layer.digest], signature, CERTIFICATE_ANNOTATION in annotations)


def _decode(text: str) -> bytes:
    """The bytes behind canonical base64 (RFC 4648, section 4); nothing for anything else."""
    try:
        found = base64.b64decode(text, validate=True) if len(text) <= _MAX_SIGNATURE else b""
    except (binascii.Error, ValueError):
        return b""
    return found if base64.b64encode(found).decode("ascii") == text else b""

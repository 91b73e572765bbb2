"""The fields of a Sigstore bundle v0.3 around a DSSE envelope, read strictly and before any cryptography.

sigstore-python reads the same bytes afterwards and leniently: it takes snake_case for camelCase, base64 with
rubbish in it, numbers with blanks. What passes here has one reading only, so that the times by which the
trusted root is narrowed are those that sigstore-python verifies.

Source: sigstore protobuf-specs, sigstore_bundle.proto and envelope.proto, in protobuf's JSON mapping.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tidegate_schemas.envelope import Base64

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def _number(value: object) -> int:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError("a decimal number as text expected")
    return int(value)


Number = Annotated[int, BeforeValidator(_number)]
"""A 64-bit number, which protobuf's JSON mapping writes as text."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", alias_generator=to_camel)


class Certificate(_Part):
    """The signer's certificate, DER."""

    raw_bytes: Base64


class LogId(_Part):
    """A log's id: the SHA-256 of its key, or of its name and key."""

    key_id: Base64


class KindVersion(_Part):
    """What kind of entry the log holds."""

    kind: str
    version: str


class Checkpoint(_Part):
    """The log's signed note."""

    envelope: str


class InclusionProof(_Part):
    """The path from the entry to the root that the checkpoint signs."""

    log_index: Number
    root_hash: Base64
    tree_size: Number
    hashes: tuple[Base64, ...] = ()
    checkpoint: Checkpoint | None = None


class InclusionPromise(_Part):
    """The signed entry timestamp of a Rekor v1 log."""

    signed_entry_timestamp: Base64


class LogEntry(_Part):
    """One entry of a transparency log. Only Rekor v1 has `integrated_time`, seconds since 1970."""

    log_index: Number
    log_id: LogId
    kind_version: KindVersion
    integrated_time: Number | None = None
    inclusion_promise: InclusionPromise | None = None
    inclusion_proof: InclusionProof | None = None
    canonicalized_body: Base64


class Timestamp(_Part):
    """An RFC 3161 TimeStampResp, DER."""

    signed_timestamp: Base64


class Timestamps(_Part):
    """All timestamps over the signature."""

    rfc3161_timestamps: tuple[Timestamp, ...] = ()


class Material(_Part):
    """What a verifier needs beside the envelope."""

    certificate: Certificate
    tlog_entries: tuple[LogEntry, ...] = ()
    timestamp_verification_data: Timestamps = Field(default=Timestamps())


class Signature(_Part):
    """One DSSE signature; `keyid` is a hint that is ignored."""

    sig: Base64
    keyid: str = ""


class Envelope(_Part):
    """A DSSE envelope."""

    payload: Base64
    payload_type: str
    signatures: tuple[Signature, ...] = ()


class PublicKeyHint(_Part):
    """Which key it was, in the signer's own words."""

    hint: str = ""


class KeyMaterial(_Part):
    """What accompanies an envelope under a key pair. Logs and timestamps are let be, whatever they hold."""

    public_key: PublicKeyHint
    tlog_entries: tuple[object, ...] = ()
    timestamp_verification_data: object = None


class KeyBundle(_Part):
    """A bundle under a key pair; nothing in it is verified yet."""

    media_type: str
    verification_material: KeyMaterial
    dsse_envelope: Envelope


class Bundle(_Part):
    """A bundle with a certificate and an envelope; nothing in it is verified yet."""

    media_type: str
    verification_material: Material
    dsse_envelope: Envelope

    @property
    def entry(self) -> LogEntry:
        """The only log entry."""
        return self.verification_material.tlog_entries[0]

    @property
    def timestamps(self) -> tuple[bytes, ...]:
        """The RFC 3161 responses, DER."""
        return tuple(
            one.signed_timestamp
            for one in self.verification_material.timestamp_verification_data.rfc3161_timestamps
        )

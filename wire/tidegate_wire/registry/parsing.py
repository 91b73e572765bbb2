"""From bytes to models.

The order is: size cap, digest, JSON checks, then the model; so nothing unverified is parsed.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import first_fault
from tidegate_wire.registry.checked_json import check_json
from tidegate_wire.registry.descriptor import (
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
)
from tidegate_wire.registry.digest import require_digest
from tidegate_wire.registry.media_types import INDEXES, MANIFESTS

_Model = TypeVar("_Model", bound=BaseModel)


def parse_manifest_or_index(raw: bytes, digest: str) -> Manifest | Index:
    """Read what stands behind a digest: an image's manifest, or an index of them.

    A document that could be both is refused, because two readers would pull different content for one signed
    digest (CVE-2021-41190, OCI image specification 1.1, manifest.md, `mediaType`).

    Raises:
        TidegateError: IMAGE_TOO_LARGE above 4 MiB, IMAGE_DIGEST_MISMATCH, IMAGE_MALFORMED, IMAGE_UNSUPPORTED.
    """
    what = f"the manifest {digest}"
    document = _open(raw, digest, what, MAX_MANIFEST_BYTES)
    is_index = "manifests" in document
    if is_index and ("layers" in document or "config" in document):
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} claims to be an image and an index at once")
    declared = document.get("mediaType")
    # A list, and not the set: what the document declares may be anything, also what has no hash.
    if declared is not None and declared not in list(INDEXES if is_index else MANIFESTS):
        raise TidegateError(Code.IMAGE_UNSUPPORTED, f"{what} has the media type {str(declared)[:120]!r}")
    return _load(Index, raw, what) if is_index else _load(Manifest, raw, what)


def parse_manifest(raw: bytes, digest: str) -> Manifest:
    """Read an image's manifest; see parse_manifest_or_index for the errors.

    Raises:
        TidegateError: also IMAGE_MALFORMED when it is an index.
    """
    document = parse_manifest_or_index(raw, digest)
    if isinstance(document, Index):
        raise TidegateError(
            Code.IMAGE_MALFORMED, f"{digest} is an index where one image's manifest is needed"
        )
    return document


def parse_config(raw: bytes, descriptor: Descriptor) -> ImageConfig:
    """Read the config blob that a manifest names.

    Raises:
        TidegateError: IMAGE_TOO_LARGE above 8 MiB, IMAGE_DIGEST_MISMATCH, IMAGE_MALFORMED.
    """
    what = f"the image config {descriptor.digest}"
    _open(raw, descriptor.digest, what, MAX_CONFIG_BYTES)
    return _load(ImageConfig, raw, what)


def _open(raw: bytes, digest: str, what: str, limit: int) -> dict[str, object]:
    if len(raw) > limit:
        raise TidegateError(Code.IMAGE_TOO_LARGE, f"{what} has {len(raw)} bytes; the limit is {limit}")
    require_digest(raw, digest, what)
    return check_json(raw, what)


def _load(model: type[_Model], raw: bytes, what: str) -> _Model:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        text = f"{what} breaks the OCI form at {first_fault(error)}"
        raise TidegateError(Code.IMAGE_MALFORMED, text) from error

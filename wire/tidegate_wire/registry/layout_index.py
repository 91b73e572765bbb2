"""The two JSON files of an OCI layout: `oci-layout` and `index.json` (image-layout.md). No I/O."""

from __future__ import annotations

from pydantic import ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.checked_json import check_json
from tidegate_wire.registry.descriptor import Index

REF_NAME = "org.opencontainers.image.ref.name"
_VERSION = "1.0.0"
_SHOWN = 60


def check_layout_marker(raw: bytes, where: str) -> None:
    """Refuse a layout of a version that we do not know.

    Args:
        raw: content of `oci-layout`.
        where: the layout's path, for the message.

    Raises:
        TidegateError: IMAGE_MALFORMED, IMAGE_UNSUPPORTED.
    """
    version = check_json(raw, f"oci-layout in {where}").get("imageLayoutVersion")
    if version != _VERSION:
        raise TidegateError(
            Code.IMAGE_UNSUPPORTED, f"{where} is a layout of version {str(version)[:20]!r}, not {_VERSION}"
        )


def tagged_digest(raw: bytes, tag: str, where: str) -> str:
    """The digest of the one entry of `index.json` that carries this tag.

    Args:
        raw: content of `index.json`.
        tag: value of `org.opencontainers.image.ref.name`.
        where: the layout's path, for the message.

    Raises:
        TidegateError: IMAGE_NOT_FOUND when none carries it, IMAGE_MALFORMED when several different ones do.
    """
    check_json(raw, f"index.json in {where}")
    try:
        index = Index.model_validate_json(raw)
    except ValidationError as error:
        raise TidegateError(Code.IMAGE_MALFORMED, f"index.json in {where} is not an OCI index") from error
    found = {entry.digest for entry in index.manifests if (entry.annotations or {}).get(REF_NAME) == tag}
    if not found:
        names = {(entry.annotations or {}).get(REF_NAME, "") for entry in index.manifests} - {""}
        there = [repr(name[:_SHOWN]) for name in sorted(names)[:20]]
        raise TidegateError(
            Code.IMAGE_NOT_FOUND,
            f"{where} has no image tagged '{tag}'; it has {', '.join(there) or 'no tags'}",
        )
    if len(found) > 1:
        raise TidegateError(Code.IMAGE_MALFORMED, f"{where} has {len(found)} different images tagged '{tag}'")
    return found.pop()

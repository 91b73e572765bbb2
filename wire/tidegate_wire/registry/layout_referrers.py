"""What refers to a manifest in an OCI layout, which has no list of it: every manifest is looked at.

Source: OCI image specification 1.1, image-layout.md: "manifests" of index.json may hold what has a subject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import MAX_INDEX_ENTRIES
from tidegate_wire.registry.parsing import parse_manifest
from tidegate_wire.registry.referrers import MAX_REFERRERS, may_be

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tidegate_wire.registry.descriptor import Descriptor

_MAX_SCAN_BYTES = 32 * 1024 * 1024


def scan_referrers(
    entries: Iterable[Descriptor], read: Callable[[str], bytes], digest: str, artifact_type: str
) -> tuple[Descriptor, ...]:
    """The entries whose manifest has a subject and is of a type. One that cannot be read is passed over.

    Args:
        entries: what the layout lists.
        read: the manifest with a digest, checked against it; raises TidegateError.
        digest: the subject's digest.
        artifact_type: the type.

    Returns:
        At most MAX_REFERRERS descriptors, each digest once, with their type.

    Raises:
        TidegateError: IMAGE_TOO_LARGE, when nothing was found among the first 1000 entries or 32 MiB of
            manifests, and there are more.
    """
    found: list[Descriptor] = []
    seen: set[str] = set()
    left = _MAX_SCAN_BYTES
    for entry in entries:
        if entry.digest in seen or not may_be(entry, artifact_type):
            continue
        if left < 0 or len(seen) == MAX_INDEX_ENTRIES or len(found) == MAX_REFERRERS:
            return _all_or_refuse(found, digest)
        seen.add(entry.digest)
        try:
            raw = read(entry.digest)
            left -= len(raw)
            manifest = parse_manifest(raw, entry.digest)
        except TidegateError:
            continue
        about = manifest.subject.digest if manifest.subject else None
        if about == digest and manifest.effective_artifact_type == artifact_type:
            found.append(entry.model_copy(update={"artifact_type": artifact_type}))
    return tuple(found)


def _all_or_refuse(found: list[Descriptor], digest: str) -> tuple[Descriptor, ...]:
    """What was not looked at to its end does not prove that there is nothing."""
    if not found:
        raise TidegateError(
            Code.IMAGE_TOO_LARGE,
            f"the layout lists too many manifests to search them all for what refers to {digest}",
        )
    return tuple(found)

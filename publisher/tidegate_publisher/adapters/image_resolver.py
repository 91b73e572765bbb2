"""What an image reference stands for, asked of the registry or read out of an OCI layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.ports import ResolvedImage
from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import Index, Manifest
from tidegate_wire.registry.media_types import MANIFESTS
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.parsing import parse_manifest_or_index
from tidegate_wire.registry.reference import parse_reference

if TYPE_CHECKING:
    from tidegate_wire.registry.descriptor import Platform
    from tidegate_wire.registry.reference import AnyReference
    from tidegate_wire.registry.settings import RegistrySettings
    from tidegate_wire.registry.source import ImageSource

# What an architecture's manifests say when they say no variant (containerd's normalisation).
_USUAL_VARIANT = {"amd64": "v1", "arm64": "v8"}


class RegistryResolver:
    """See ports.Resolver. Asks the place that the reference names.

    Args:
        settings: credentials, mirrors, proxies and limits, as container tools honour them.
    """

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings

    def resolve(self, reference: str) -> ResolvedImage:
        """See ports.Resolver.resolve."""
        parsed = parse_reference(reference)
        source = open_source(parsed, self._settings)
        digest = parsed.digest or _resolve_tag(source, parsed)
        document = parse_manifest_or_index(source.manifest(digest), digest)
        tag = None if parsed.digest else parsed.tag
        return ResolvedImage(parsed.name, digest, tag, _platforms(document))


class DigestOnlyResolver:
    """See ports.Resolver. Takes a digest at its word and asks nobody."""

    def resolve(self, reference: str) -> ResolvedImage:
        """See ports.Resolver.resolve; a tag cannot be resolved here."""
        parsed = parse_reference(reference)
        if parsed.digest is None:
            raise TidegateError(
                Code.REFERENCE_NO_DIGEST,
                f"{reference} names no digest, and --no-check-image forbids to ask for it",
            )
        return ResolvedImage(parsed.name, parsed.digest)


def check_mirrors(mirrors: tuple[str, ...]) -> None:
    """Refuse a mirror that is not just a repository: its content is named by the one signed digest.

    Raises:
        TidegateError: REFERENCE_INVALID.
    """
    for mirror in mirrors:
        parsed = parse_reference(mirror)
        if parsed.tag or parsed.digest:
            raise TidegateError(
                Code.REFERENCE_INVALID,
                f"the mirror {mirror} must be a repository alone, without tag and digest",
            )


def _resolve_tag(source: ImageSource, reference: AnyReference) -> str:
    if reference.tag is None:
        raise TidegateError(Code.REFERENCE_NO_DIGEST, f"{reference} names neither a digest nor a tag")
    try:
        return source.resolve(reference.tag)
    except TidegateError as error:
        raise TidegateError(
            Code.REFERENCE_NO_DIGEST,
            f"{reference} could not be resolved to a digest: {error.reason} ({error.code})",
        ) from error


def _platforms(document: Manifest | Index) -> dict[str, str]:
    if isinstance(document, Manifest):
        return {}
    found: dict[str, str] = {}
    for entry in document.manifests:
        # Attestations lie in an index as entries for unknown/unknown.
        if entry.platform and entry.platform.os == "linux" and entry.media_type in MANIFESTS:
            found.setdefault(_spell(entry.platform), entry.digest)
    if len(found) > limits.ITEMS:
        raise TidegateError(
            Code.IMAGE_UNSUPPORTED, f"the index has {len(found)} platforms; a statement holds {limits.ITEMS}"
        )
    return found


def _spell(platform: Platform) -> str:
    if platform.variant in {None, _USUAL_VARIANT.get(platform.architecture)}:
        return platform.architecture
    return f"{platform.architecture}/{platform.variant}"

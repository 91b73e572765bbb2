"""An image source in memory, that holds exactly what a test puts in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from tests.support.images import describe
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import Descriptor
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.attaching import Artifact

_Value = TypeVar("_Value", str, bytes)


@dataclass
class FakeImageSource:
    """See ImageSource. It believes what it is told: referrers are listed whatever they are about.

    Attributes:
        tags: digests by tag.
        manifests: by digest.
        blobs: by digest.
        listed: what `referrers` gives.
        failures: raised instead of an answer, by the digest or tag that is asked for.
        asked: the digests of all blobs that were opened.
    """

    tags: dict[str, str] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    listed: list[Descriptor] = field(default_factory=list)
    failures: dict[str, TidegateError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, artifact: Artifact, tag: str | None = None) -> str:
        """Put an artifact in, list it, and return its digest."""
        self.manifests[artifact.digest] = artifact.manifest
        self.blobs |= {digest_of(blob): blob for blob in artifact.blobs}
        self.listed.append(describe(artifact.manifest, OCI_MANIFEST))
        if tag is not None:
            self.tags[tag] = artifact.digest
        return artifact.digest

    def resolve(self, tag: str) -> str:
        return self._find(self.tags, tag)

    def manifest(self, digest: str) -> bytes:
        return self._find(self.manifests, digest)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        if digest in self.failures:
            raise self.failures[digest]
        return tuple(entry for entry in self.listed if entry.artifact_type in (None, artifact_type))

    @contextlib.contextmanager
    def open_blob(self, blob: Descriptor, offset: int = 0) -> Iterator[Iterator[bytes]]:
        self.asked.append(blob.digest)
        yield iter([self._find(self.blobs, blob.digest)[offset : blob.size]])

    def _find(self, there: dict[str, _Value], name: str) -> _Value:
        if name in self.failures:
            raise self.failures[name]
        if name not in there:
            raise TidegateError(Code.IMAGE_NOT_FOUND, f"there is no {name}")
        return there[name]

"""Descriptors, manifests, indexes and image configs, as pydantic models.

Sources: OCI image specification 1.1 (descriptor.md, manifest.md, image-index.md, config.md); Docker's image
manifest V2, schema 2, has the same shape. Unknown members are ignored, as the specification demands; known
ones are strict.

A stranger may have written any of them, and pydantic keeps an error for everything that is wrong: so lists
are given up at the first wrong member, and annotations at the first that is no text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from tidegate_wire.registry.digest import DigestString

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
MAX_CONFIG_BYTES = 8 * 1024 * 1024
MAX_LAYERS = 500
MAX_INDEX_ENTRIES = 1000
_MAX_SIZE = 2**63 - 1  # descriptor.md: size is an int64


def _require_texts(found: object) -> object:
    if isinstance(found, dict):
        wrong = next((name for name, value in found.items() if not isinstance(value, str)), None)
        if wrong is not None:
            raise ValueError(f"the value of {str(wrong)[:60]!r} is not a text")
    return found


_MediaType = Annotated[str, Field(min_length=1, max_length=255)]
_Annotations = Annotated[dict[str, str] | None, BeforeValidator(_require_texts)]


class _Document(BaseModel):
    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )


class Platform(_Document):
    """What a manifest runs on, in the names of Go's GOOS and GOARCH (image-index.md)."""

    architecture: str
    os: str
    variant: str | None = None


class Descriptor(_Document):
    """What a piece of content is, how large it is in bytes, and which digest it must have (descriptor.md)."""

    media_type: _MediaType
    digest: DigestString
    size: Annotated[int, Field(ge=0, le=_MAX_SIZE)]
    annotations: _Annotations = None
    platform: Platform | None = None
    artifact_type: _MediaType | None = None


class Manifest(_Document):
    """One image for one platform, or an artifact (manifest.md)."""

    schema_version: Literal[2]
    media_type: _MediaType | None = None
    artifact_type: _MediaType | None = None
    config: Descriptor
    layers: Annotated[tuple[Descriptor, ...], Field(max_length=MAX_LAYERS, fail_fast=True)]
    subject: Descriptor | None = None
    annotations: _Annotations = None

    @property
    def effective_artifact_type(self) -> str:
        """What kind of artifact it is: its own word, or else its config's media type (manifest.md)."""
        return self.artifact_type or self.config.media_type


class Index(_Document):
    """A list of manifests, usually one for each platform (image-index.md)."""

    schema_version: Literal[2]
    media_type: _MediaType | None = None
    artifact_type: _MediaType | None = None
    manifests: Annotated[tuple[Descriptor, ...], Field(max_length=MAX_INDEX_ENTRIES, fail_fast=True)]
    subject: Descriptor | None = None
    annotations: _Annotations = None


class RootFs(_Document):
    """Digests of the layers' tars before compression, lowest layer first (config.md)."""

    type: Literal["layers"]
    diff_ids: Annotated[
        tuple[DigestString, ...], Field(max_length=MAX_LAYERS, fail_fast=True, alias="diff_ids")
    ]


class ContainerConfig(_Document):
    """The part of a config's `config` that an update can use (config.md)."""

    labels: Annotated[_Annotations, Field(alias="Labels")] = None


class ImageConfig(_Document):
    """An image's config: its platform, its layers' uncompressed digests, its labels (config.md)."""

    architecture: str
    os: str
    variant: str | None = None
    created: str | None = None
    rootfs: RootFs
    config: ContainerConfig | None = None

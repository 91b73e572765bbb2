"""Media types of images.

Sources: OCI image specification 1.1, media-types.md, and Docker's image manifest V2, schema 2.
"""

from __future__ import annotations

from enum import Enum

from tidegate_schemas.codes import Code, TidegateError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
ACCEPT = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_INDEX}, {DOCKER_MANIFEST}"


class Compression(Enum):
    """How a layer's tar is packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_LAYERS = {
    "application/vnd.oci.image.layer.v1.tar": Compression.NONE,
    "application/vnd.oci.image.layer.v1.tar+gzip": Compression.GZIP,
    "application/vnd.oci.image.layer.v1.tar+zstd": Compression.ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar": Compression.NONE,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": Compression.GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd": Compression.ZSTD,
}


def layer_compression(media_type: str) -> Compression:
    """How a layer of this media type is packed.

    Raises:
        TidegateError: IMAGE_UNSUPPORTED, for encrypted, foreign and non-distributable layers and the like.
    """
    try:
        return _LAYERS[media_type]
    except KeyError:
        raise TidegateError(
            Code.IMAGE_UNSUPPORTED,
            f"a layer has the media type {media_type[:120]!r}, which cannot be unpacked",
        ) from None

"""What an image may cost this host, and the running account of one staging."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on everything that an image, or who delivers it, can make grow. Sizes are in bytes.

    Attributes:
        layers: layers of one image.
        entries: tar entries of one image, all layers together.
        unpacked_bytes: uncompressed tar bytes of one image.
        ratio: uncompressed to compressed size of one layer, once `ratio_floor` bytes came out of it.
        ratio_floor: below this much output no ratio is suspicious.
        metadata_bytes: names, link targets and extended attributes of one image: what is held in memory.
        pax_bytes: one extended header.
        name_bytes: one path or link target (PATH_MAX).
        depth: components of one path.
        free_reserve: free space that staging must leave to others.
        deadline: seconds that one staging may take. A registry that delivers just fast enough would otherwise
            keep the one thread that all updates of the host share; the next attempt goes on where this ended.
    """

    layers: int = 200
    entries: int = 500_000
    unpacked_bytes: int = 32 * GIB
    ratio: int = 250
    ratio_floor: int = 512 * MIB
    metadata_bytes: int = 96 * MIB
    pax_bytes: int = MIB
    name_bytes: int = 4096
    depth: int = 200
    free_reserve: int = 16 * MIB
    deadline: float = 6 * 3600.0


class Budget:
    """The account of one image against its limits, over all its layers."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._entries = 0
        self._metadata = 0
        self._unpacked = 0

    def entry(self, metadata: int) -> None:
        """Account for one tar entry with this many bytes of names and attributes.

        Raises:
            EngineError: IMAGE_TOO_LARGE.
        """
        self._entries += 1
        self._metadata += metadata
        if self._entries > self.limits.entries:
            raise too_large(f"the image has more than {self.limits.entries} files")
        if self._metadata > self.limits.metadata_bytes:
            raise too_large(f"the image's names and attributes exceed {self.limits.metadata_bytes} bytes")

    def unpacked(self, size: int) -> None:
        """Account for uncompressed bytes.

        Raises:
            EngineError: IMAGE_TOO_LARGE.
        """
        self._unpacked += size
        if self._unpacked > self.limits.unpacked_bytes:
            raise too_large(f"the image unpacks to more than {self.limits.unpacked_bytes} bytes")


def too_large(reason: str) -> EngineError:
    """The error for an image beyond a limit."""
    return EngineError(Code.IMAGE_TOO_LARGE, reason)


def malformed(reason: str) -> EngineError:
    """The error for content that is not what its format says."""
    return EngineError(Code.IMAGE_MALFORMED, reason)


def hostile(reason: str) -> EngineError:
    """The error for content that can only be meant to harm."""
    return EngineError(Code.IMAGE_HOSTILE, reason)


def unsupported(reason: str) -> EngineError:
    """The error for a feature that this engine does not have."""
    return EngineError(Code.IMAGE_UNSUPPORTED, reason)

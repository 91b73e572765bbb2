"""Which entry of an index is for this host."""

from __future__ import annotations

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.descriptor import Descriptor, Index, Platform
from tidegate_wire.registry.media_types import MANIFESTS

# Each list runs from the most basic to the most capable; a host runs its own variant and every one before it.
# A missing variant means the first named here (containerd's platforms package normalises in the same way).
_VARIANTS = {
    "amd64": ("v1", "v2", "v3", "v4"),
    "arm": ("v5", "v6", "v7", "v8"),
    "arm64": ("v8", "v9"),
}
_DEFAULT_VARIANT = {"amd64": "v1", "arm": "v7", "arm64": "v8"}


_ARCHITECTURES = {
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "i686": "386",
    "x86_64": "amd64",
}


def own_architecture(machine: str) -> str:
    """The OCI architecture (Go's GOARCH) of a machine as uname(2) names it; most have one name for both."""
    return _ARCHITECTURES.get(machine, machine)


def select_platform(index: Index, arch: str, variant: str | None = None) -> Descriptor:
    """The entry of an index for a Linux host: the most capable variant that it runs, the first of equals.

    Args:
        index: the image index.
        arch: the host's architecture in Go's names: amd64, arm64, arm, riscv64…
        variant: the host's variant, v7 or v3 for example; None is the usual one of that architecture.

    Raises:
        TidegateError: IMAGE_PLATFORM, with the platforms that there are.
    """
    ranked = [
        (rank, -position, entry)
        for position, entry in enumerate(index.manifests)
        if entry.media_type in MANIFESTS and (rank := _rank(entry.platform, arch, variant)) is not None
    ]
    if not ranked:
        there = sorted({_spell(entry.platform)[:60] for entry in index.manifests if entry.platform})
        wanted = _spell(Platform(architecture=arch, os="linux", variant=variant))
        raise TidegateError(
            Code.IMAGE_PLATFORM,
            f"the index has no image for {wanted}; it has {_listed(there) or 'none'}",
        )
    return max(ranked, key=lambda found: found[:2])[2]


def _rank(platform: Platform | None, arch: str, variant: str | None) -> int | None:
    """How capable an entry is, or None when the host cannot run it."""
    if platform is None or platform.os != "linux" or platform.architecture != arch:
        return None
    default = _DEFAULT_VARIANT.get(arch)
    ladder = _VARIANTS.get(arch, ())
    offered, own = platform.variant or default, variant or default
    if offered == own:
        return len(ladder)
    if offered not in ladder or own not in ladder or ladder.index(offered) > ladder.index(own):
        return None
    return ladder.index(offered)


def _listed(names: list[str]) -> str:
    # Whoever made the index chose them: quoted where a terminal could take them for more than words.
    return ", ".join(name if name.isprintable() else repr(name) for name in names[:20])


def _spell(platform: Platform) -> str:
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)

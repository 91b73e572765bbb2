"""What commits and refs keep in mind; nothing else does.

A commit's labels say which announced digest it is. Refs keep it, its layers, and what is staged:

    tidegate/image/HEX        the commit of an announced digest
    tidegate/layer/HEX        the files of a layer, by its diff_id
    tidegate/staged           the commit that waits for its activation
    tidegate/activated        the commit that was activated last: kept for another try if its boot is lost
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.ostree.bootspace import BootPrint
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_agent.engines.images.pull import Layer
    from tidegate_agent.engines.ostree.deployments import Deployment
    from tidegate_agent.engines.ostree.repository import Repository

STAGED: Final = "tidegate/staged"
ACTIVATED: Final = "tidegate/activated"
ANNOUNCED: Final = "tidegate.announced"
"""The label with the announced digest, `sha256:` and all."""
MANIFEST: Final = "tidegate.manifest"
"""The label with the manifest's digest; another one where an index was announced."""
ARCH: Final = "tidegate.arch"
LAYERS: Final = "tidegate.layers"
"""The label with the layers' diff_ids in hex, lowest first, with blanks between."""
FILES: Final = "tidegate.files"
"""The label with the number of files."""
BOOT: Final = "tidegate.boot"
"""The label with the sizes and digests of kernel and initramfs."""
LABELS: Final = "tidegate.labels"
"""The label with those of the image's configuration, as JSON."""
VERSION: Final = "version"
"""libostree's own, which it shows in the boot menu."""
_IMAGES: Final = "tidegate/image"
_LAYERS: Final = "tidegate/layer"


def image_ref(announced: str) -> str:
    """The ref of an announced digest."""
    return f"{_IMAGES}/{hex_of(announced)}"


def layer_ref(layer: Layer) -> str:
    """The ref of a layer's files."""
    return f"{_LAYERS}/{hex_of(layer.diff_id)}"


class Account:
    """Reads and keeps these."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def digest(self, deployment: Deployment | None) -> str | None:
        """The announced digest that a deployment is of; None where it is none of ours."""
        return None if deployment is None else self._repository.label(deployment.commit, ANNOUNCED)

    def find(self, announced: str) -> str | None:
        """The whole commit of an announced digest, if there is one."""
        commit = self._repository.resolve(image_ref(announced))
        if commit is None or self._repository.label(commit, ANNOUNCED) != announced:
            return None
        return commit

    def staged(self) -> tuple[str, str] | None:
        """The commit that waits for its activation, with its announced digest."""
        commit = self._repository.resolve(STAGED)
        digest = self._repository.label(commit, ANNOUNCED) if commit else None
        return None if commit is None or digest is None else (commit, digest)

    def files(self, commit: str) -> int:
        """How many files a commit of ours has."""
        text = self._repository.label(commit, FILES) or ""
        return int(text) if text.isdigit() else 0

    def boot(self, commit: str) -> BootPrint | None:
        """A commit's kernel and initramfs."""
        return BootPrint.parse(self._repository.label(commit, BOOT))

    def known_layers(self) -> set[str]:
        """The refs of the layers that are here."""
        return self._repository.refs(_LAYERS)

    def forget_others(self, deployments: Iterable[Deployment], layers: Iterable[Layer] = ()) -> bool:
        """Drop the refs of what neither a deployment nor the staged commit nor these layers need.

        Returns:
            Whether there were any.
        """
        commits = {one.commit for one in deployments}
        commits.update(filter(None, map(self._repository.resolve, (STAGED, ACTIVATED))))
        kept = {layer_ref(layer) for layer in layers}
        for commit in commits:
            if (digest := self._repository.label(commit, ANNOUNCED)) is not None:
                kept.add(image_ref(digest))
            listed = self._repository.label(commit, LAYERS) or ""
            kept.update(f"{_LAYERS}/{name}" for name in listed.split())
        found = self._repository.refs(_IMAGES) | self._repository.refs(_LAYERS)
        for ref in found - kept:
            self._repository.drop(ref)
        return bool(found - kept)

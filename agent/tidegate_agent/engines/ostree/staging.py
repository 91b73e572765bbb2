"""One staging, from a digest to a commit that is complete, or to nothing.

1. ask for free space; 2. fetch the layers that are not here yet, and commit the files of each; 3. check all
layers out, as links; 4. merge them; 5. make a host's tree of that, and refuse what cannot boot; 6. ask for
space for its kernel; 7. link the tree together and commit it.
A kill leaves committed layers, blobs, and a folder of links that the next staging removes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.engines.images.limits import Budget, Limits, malformed
from tidegate_agent.engines.images.space import require_free
from tidegate_agent.engines.images.tree import Tree
from tidegate_agent.engines.ostree import account as names
from tidegate_agent.engines.ostree.assembly import Assembly
from tidegate_agent.engines.ostree.bootspace import BootPrint
from tidegate_agent.engines.ostree.feeding import feeding
from tidegate_agent.engines.ostree.hosttree import HostTree, host_tree
from tidegate_agent.engines.ostree.packing import Packer, unpacked
from tidegate_agent.model import StageResult
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_agent.engines.images.entry import Entry
    from tidegate_agent.engines.images.meter import Meter
    from tidegate_agent.engines.images.pull import Image, Layer, Puller
    from tidegate_agent.engines.ostree.account import Account
    from tidegate_agent.engines.ostree.bootspace import BootSpace
    from tidegate_agent.engines.ostree.repository import Repository
    from tidegate_agent.engines.ostree.workplace import Workplace
    from tidegate_agent.model import ImageTarget

_LABELS_BYTES = 64 * 1024  # one argument of a command can have 128 KiB (MAX_ARG_STRLEN)
_VERSION_LABEL = "org.opencontainers.image.version"
_VERSION_CHARACTERS = 100


class Staging:
    """Stages one image. The workplace is locked by the caller."""

    def __init__(
        self,
        repository: Repository,
        account: Account,
        workplace: Workplace,
        boot_space: BootSpace,
        meter: Meter,
        limits: Limits,
    ) -> None:
        self._repository = repository
        self._account = account
        self._workplace = workplace
        self._boot_space = boot_space
        self._meter = meter
        self._limits = limits
        self._new: set[str] = set()

    def run(self, target: ImageTarget, image: Image, puller: Puller) -> StageResult:
        """Do it, and give the commit its ref.

        Raises:
            Cancelled: the meter's question was answered with yes.
            TidegateError: an `image.*`, `disk.*` or `engine.*` code, or STAGE_FAILED.
            OSError: the disk's.
        """
        self._preflight(image)
        self._workplace.begin()
        self._import_unknown(image, puller)
        host = self._merged(image, puller)
        layers = self._workplace.work / "layers"
        boot = BootPrint.of(layers / host.boot.kernel.content, layers / host.boot.initramfs.content)
        self._boot_space.require(boot)
        assembly = Assembly(layers, host.made, self._meter.check)
        assembly.write(host.root, self._workplace.work / "root")
        labels = _labels(target, image, boot, sum(assembly.files.values()))
        commit = self._repository.commit_folder(
            self._workplace.work / "root", f"tidegate: {target.digest}", labels, self._meter.cancelled
        )
        self._repository.point(names.image_ref(target.digest), commit)
        if host.left_out:
            logger.warning(
                "{} lacks {} devices, fifos or sockets: ostree stores none", target.digest, host.left_out
            )
        new = sum(count for layer, count in assembly.files.items() if layer in self._new)
        return StageResult(target.digest, self._meter.bytes_fetched, new, sum(assembly.files.values()) - new)

    def _preflight(self, image: Image) -> None:
        known = self._account.known_layers()
        unknown = {layer.blob for layer in image.layers if names.layer_ref(layer) not in known}
        self._workplace.clear_blobs(keep={hex_of(blob.digest) for blob in unknown})
        present = self._workplace.present()
        fetch = sum(max(0, blob.size - present.get(hex_of(blob.digest), 0)) for blob in unknown)
        fresh = len(unknown) == len(image.layers)
        require_free(self._repository.path, fetch, self._limits.free_reserve, fresh=fresh)
        self._meter.expect(fetch, sum(blob.size for blob in unknown))

    def _import_unknown(self, image: Image, puller: Puller) -> None:
        known = self._account.known_layers()
        packer = Packer(Budget(self._limits), self._workplace.work)
        for number, layer in enumerate(image.layers):
            if names.layer_ref(layer) not in known:
                self._import(layer, packer, puller)
                known.add(names.layer_ref(layer))
                self._new.add(str(number))

    def _import(self, layer: Layer, packer: Packer, puller: Puller) -> None:
        """Fetch a layer and commit its files; its blob is not needed any more then."""
        blob = puller.fetch(layer.blob)
        self._meter.unpacking(layer.blob.size)
        with blob.open("rb") as file, feeding(lambda pipe: packer.pack(layer, file, pipe)) as archive:
            commit = self._repository.commit_archive(
                archive, f"tidegate: layer {layer.diff_id}", self._meter.cancelled
            )
        self._repository.point(names.layer_ref(layer), commit)
        blob.unlink()
        self._meter.layer_done()

    def _merged(self, image: Image, puller: Puller) -> HostTree:
        folder = self._workplace.work / "layers"
        folder.mkdir(mode=0o700)
        tree, budget = Tree(self._limits), Budget(self._limits)
        for number, layer in enumerate(image.layers):
            entries = self._checked_out(layer, folder / str(number), puller)
            tree.apply(_placed(entries, number, budget))
        return host_tree(tree.root)

    def _checked_out(self, layer: Layer, folder: Path, puller: Puller) -> list[Entry]:
        """A layer's entries, with its files laid out; imported once more where its record is damaged."""
        self._repository.check_out(names.layer_ref(layer), folder, self._meter.cancelled)
        entries = unpacked(folder, layer)
        if entries is not None:
            return entries
        logger.warning("the record of layer {} is damaged; it is imported anew", layer.diff_id)
        self._import(layer, Packer(Budget(self._limits), self._workplace.work), puller)
        self._new.add(folder.name)
        again = folder.with_name(f"{folder.name}.damaged")
        folder.rename(again)
        self._repository.check_out(names.layer_ref(layer), folder, self._meter.cancelled)
        entries = unpacked(folder, layer)
        if entries is None:
            raise malformed("a layer's files are not what its record says")
        return entries


def _placed(entries: list[Entry], number: int, budget: Budget) -> Iterator[Entry]:
    """A layer's entries, paid for, with their contents' places below the folder of all checkouts."""
    for entry in entries:
        budget.entry(
            len(entry.name) + len(entry.link) + sum(len(key) + len(value) for key, value in entry.xattrs)
        )
        budget.unpacked(entry.size)
        yield entry._replace(content=f"{number}/{entry.content}") if entry.content else entry


def _labels(target: ImageTarget, image: Image, boot: BootPrint, files: int) -> dict[str, str]:
    labels = {
        names.ANNOUNCED: target.digest,
        names.MANIFEST: image.manifest,
        names.ARCH: target.arch,
        names.LAYERS: " ".join(hex_of(layer.diff_id) for layer in image.layers),
        names.FILES: str(files),
        names.BOOT: boot.label,
    }
    given = json.loads(image.config).get("config")
    given = given.get("Labels") if isinstance(given, dict) else None
    if not isinstance(given, dict):
        return labels
    text = json.dumps(given, sort_keys=True)
    if len(text) <= _LABELS_BYTES:
        labels[names.LABELS] = text
    version = given.get(_VERSION_LABEL)
    if isinstance(version, str) and version.isascii() and version.isprintable():
        labels[names.VERSION] = version[:_VERSION_CHARACTERS]
    return labels

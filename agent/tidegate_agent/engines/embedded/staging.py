"""One staging, from a digest to a generation that is complete and on disk, or to nothing.

1. read manifest and configuration; 2. ask for free space; 3. fetch the layers that are not known yet;
4. unpack them into objects; 5. merge all layers; 6. write the tree; 7. sync the file system, once;
8. let objects, records and the generation count.
A kill before 8 leaves only `incoming`, of which the next attempt keeps the blobs.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.engines.embedded.checkout import Checkout
from tidegate_agent.engines.embedded.info import CONFIG, ROOTFS, GenerationInfo, write_info
from tidegate_agent.engines.embedded.ingest import Ingest
from tidegate_agent.engines.embedded.metadata import Metadata, left_out
from tidegate_agent.engines.embedded.objects import ObjectStore
from tidegate_agent.engines.images.durable import sync_file_system
from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.limits import Budget, Limits, malformed
from tidegate_agent.engines.images.record import read_record, write_record
from tidegate_agent.engines.images.space import require_free
from tidegate_agent.engines.images.tree import Node, Tree
from tidegate_agent.model import ImageTarget, StageResult
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tidegate_agent.engines.embedded.store import Store
    from tidegate_agent.engines.images.meter import Meter
    from tidegate_agent.engines.images.pull import Image, Layer, Puller


class Staging:
    """Stages one target. The store is locked by the caller."""

    def __init__(self, store: Store, puller: Puller, meter: Meter, limits: Limits) -> None:
        self._store = store
        self._puller = puller
        self._meter = meter
        self._limits = limits
        self._metadata = Metadata(os.geteuid(), os.getegid())

    def run(self, target: ImageTarget) -> StageResult:
        """Do it.

        Raises:
            Cancelled: the meter's question was answered with yes.
            TidegateError: an `image.*` or `disk.*` code.
            OSError: the disk's.
        """
        image = self._puller.image(self._limits)
        self._store.clear_work()
        self._store.clear_blobs(keep=(hex_of(layer.blob.digest) for layer in image.layers))
        self._preflight(image)
        with ObjectStore(self._store.objects, self._store.new_objects, self._metadata) as objects:
            tree = self._merged(image, objects)
            checkout = self._write_tree(tree.root, objects)
            info = GenerationInfo(
                announced=target.digest,
                manifest=image.manifest,
                arch=target.arch,
                layers=tuple(layer.diff_id for layer in image.layers),
                files=checkout.files_new + checkout.files_reused,
                exposed=sum(map(self._metadata.exposes, _entries(tree.root))),
                notes=dict(self._metadata.notes),
            )
            (self._store.new_tree / CONFIG).write_bytes(image.config)
            write_info(self._store.new_tree, info)
            self._commit(target.digest, objects)
        self._tell_left_out(target.digest)
        return StageResult(
            target.digest, self._meter.bytes_fetched, checkout.files_new, checkout.files_reused
        )

    def _tell_left_out(self, digest: str) -> None:
        if self._metadata.notes:
            what = left_out(self._metadata.notes)
            user = self._metadata.uid
            logger.warning(
                "{} lacks what user {} or the file system cannot set, by files: {}", digest, user, what
            )

    def _preflight(self, image: Image) -> None:
        unknown = {layer.blob for layer in image.layers if self._record(layer) is None}
        present = {item.name: item.stat().st_size for item in self._store.blobs.iterdir()}
        fetch = sum(max(0, blob.size - _have(present, hex_of(blob.digest))) for blob in unknown)
        fresh = self._store.generations.read().current is None
        require_free(self._store.root, fetch, self._limits.free_reserve, fresh=fresh)
        self._meter.expect(fetch, sum(blob.size for blob in unknown))

    def _merged(self, image: Image, objects: ObjectStore) -> Tree:
        """Merge all layers; once more where the record of one names objects that were swept meanwhile."""
        tree = self._merge(image, objects)
        missing = {entry.content for entry in _files(tree.root) if not objects.has(entry)}
        if missing:
            self._forget(image, missing)
            tree = self._merge(image, objects)
            if any(not objects.has(entry) for entry in _files(tree.root)):
                raise malformed("a layer's files are not what its record says")
        return tree

    def _merge(self, image: Image, objects: ObjectStore) -> Tree:
        tree, budget = Tree(self._limits), Budget(self._limits)
        ingest = Ingest(objects, budget, self._meter.check)
        for layer in image.layers:
            known = self._record(layer)
            entries = self._unpack(layer, ingest) if known is None else _account(known, budget)
            with closing(entries):
                tree.apply(entries)
        return tree

    def _unpack(self, layer: Layer, ingest: Ingest) -> Generator[Entry]:
        blob = self._puller.fetch(layer.blob)
        self._meter.unpacking(layer.blob.size)
        record = self._store.new_layers / hex_of(layer.diff_id)
        with blob.open("rb") as file, closing(ingest.entries(layer, file)) as entries:
            yield from write_record(record, layer.diff_id, self._metadata.uid, entries)
        self._meter.layer_done()

    def _record(self, layer: Layer) -> list[Entry] | None:
        for folder in (self._store.new_layers, self._store.layers):
            record = read_record(folder / hex_of(layer.diff_id), layer.diff_id, self._metadata.uid)
            if record is not None:
                return record
        return None

    def _forget(self, image: Image, missing: set[str]) -> None:
        for layer in image.layers:
            if any(entry.content in missing for entry in self._record(layer) or ()):
                for folder in (self._store.new_layers, self._store.layers):
                    (folder / hex_of(layer.diff_id)).unlink(missing_ok=True)

    def _write_tree(self, root: Node, objects: ObjectStore) -> Checkout:
        rootfs = self._store.new_tree / ROOTFS
        rootfs.mkdir(mode=0o700)
        checkout = Checkout(objects, self._metadata, self._meter.check)
        descriptor = os.open(rootfs, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            checkout.write(root, descriptor)
        finally:
            os.close(descriptor)
        return checkout

    def _commit(self, digest: str, objects: ObjectStore) -> None:
        """From here on nothing is asked any more: what is on disk becomes what counts, name by name."""
        store = self._store
        store.new_tree.chmod(0o755)
        sync_file_system(store.root)
        objects.commit()
        for record in list(store.new_layers.iterdir()):
            record.rename(store.layers / record.name)
        store.put_tree(digest)


def _entries(node: Node) -> Iterator[Entry]:
    yield node.entry
    for child in node.children.values():
        yield from _entries(child)


def _files(node: Node) -> Iterator[Entry]:
    return (entry for entry in _entries(node) if entry.kind is Kind.FILE)


def _account(entries: list[Entry], budget: Budget) -> Generator[Entry]:
    """A known layer counts like any other."""
    for entry in entries:
        budget.entry(len(entry.name) + len(entry.link))
        budget.unpacked(entry.size)
        yield entry


def _have(present: dict[str, int], name: str) -> int:
    return max(present.get(name, 0), present.get(f"{name}.partial", 0))

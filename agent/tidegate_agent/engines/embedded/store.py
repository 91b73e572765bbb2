"""The store on disk: its folders, its lock, and what may be thrown away.

    objects/ab/cdef...   files, shared by hard links
    layers/HEX           records of unpacked layers, by diff_id
    generations/HEX/     rootfs, generation.json and config.json; HEX is the announced digest's
    incoming/            one staging that is not committed: objects, layers, tree; and its blobs
    current, previous, staged, links, .links/   see `generations`
    lock                 held by the one process that changes anything

Mount the file system `nosuid,nodev` where the images need neither: old generations stay readable.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.engines.embedded.folders import make_folder, make_root
from tidegate_agent.engines.embedded.generations import Generations
from tidegate_agent.engines.embedded.info import GenerationInfo, read_info
from tidegate_agent.engines.embedded.removal import empty_folder, remove_tree, sweep_objects
from tidegate_agent.engines.images.durable import sync_directory
from tidegate_agent.errors import EngineError
from tidegate_agent.held_file import held
from tidegate_wire.registry.digest import hex_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tidegate_schemas.codes import Code


class Store:
    """The folders of one embedded engine. Nothing is made before the lock is taken for the first time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = root / "objects"
        self.layers = root / "layers"
        self.trees = root / "generations"
        self.incoming = root / "incoming"
        self.generations = Generations(root)

    @property
    def new_objects(self) -> Path:
        """Objects of the staging under way."""
        return self.incoming / "objects"

    @property
    def new_layers(self) -> Path:
        """Layer records of the staging under way."""
        return self.incoming / "layers"

    @property
    def new_tree(self) -> Path:
        """The generation that is being staged."""
        return self.incoming / "tree"

    @property
    def blobs(self) -> Path:
        """Fetched and partly fetched blobs."""
        return self.incoming / "blobs"

    @contextmanager
    def lock(self, code: Code) -> Iterator[None]:
        """Hold the store alone.

        Raises:
            EngineError: `code`, retryable, when another process holds it; CONFIG_VALUE when others than the
                agent may write to the store.
        """
        self._prepare()
        reason = f"another process works on the images in {self.root}"
        with held(self.root / "lock", EngineError(code, reason, retryable=True)):
            yield

    def tree_of(self, digest: str) -> Path:
        """Where the generation of an announced digest is, or would be."""
        return self.trees / hex_of(digest)

    def info(self, name: str | None) -> GenerationInfo | None:
        """A generation's account by the name that pointers use."""
        return None if name is None else read_info(self.trees / name)

    def clear_work(self) -> None:
        """Drop what an unfinished staging unpacked."""
        for folder in (self.new_objects, self.new_layers, self.new_tree, self._dropped):
            empty_folder(folder)

    def clear_blobs(self, keep: Iterable[str] = ()) -> None:
        """Drop fetched blobs, but for those (by hex digest) that staging can go on with."""
        wanted = set(keep)
        for blob in list(self.blobs.iterdir()):
            if blob.name.removesuffix(".partial") not in wanted:
                blob.unlink()

    def collect(self) -> None:
        """Remove what no pointer leads to: old links, generations, records of layers, then objects."""
        self.generations.sweep()
        kept = {name for name in self.generations.read() if name is not None}
        layers: set[str] = set()
        for tree in list(self.trees.iterdir()):
            if tree.name not in kept:
                self._drop(tree)
            elif (info := self.info(tree.name)) is not None:
                layers.update(hex_of(layer) for layer in info.layers)
        for record in list(self.layers.iterdir()):
            if record.name not in layers:
                record.unlink()
        empty_folder(self._dropped)
        sweep_objects(self.objects)

    def put_tree(self, digest: str) -> None:
        """Give the tree that was staged its name, durably; a damaged one that has it makes room.

        A kill between the two renames leaves pointers to nothing, which count as none.
        """
        place = self.tree_of(digest)
        doomed = self._dropped / place.name
        if place.exists():
            remove_tree(doomed)
            place.rename(doomed)
        self.new_tree.rename(place)
        self.new_tree.mkdir(mode=0o700)
        sync_directory(self.trees)
        remove_tree(doomed)

    def _drop(self, tree: Path) -> None:
        """Remove a generation; away from its name first, durably: half of one is never taken for a whole."""
        doomed = self._dropped / tree.name
        remove_tree(doomed)
        tree.rename(doomed)
        sync_directory(self.trees)
        remove_tree(doomed)

    @property
    def _dropped(self) -> Path:
        return self.incoming / "dropped"

    def _prepare(self) -> None:
        make_root(self.root)
        make_folder(self.trees, 0o755)
        private = (self.objects, self.layers, self.incoming)
        parts = (self.new_objects, self.new_layers, self.new_tree, self.blobs, self._dropped)
        for folder in (*private, *parts):
            make_folder(folder, 0o700)
        self.generations.prepare()

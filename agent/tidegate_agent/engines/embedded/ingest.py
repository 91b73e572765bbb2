"""One layer on its way from a blob into the object store, in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_agent.engines.images.ahead import work_ahead
from tidegate_agent.engines.images.compression import layer_chunks
from tidegate_agent.engines.images.entry import Entry, Kind
from tidegate_agent.engines.images.paths import split_name
from tidegate_agent.engines.images.tarstream import TarStream
from tidegate_agent.engines.images.tree import WHITEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import BinaryIO

    from tidegate_agent.engines.embedded.objects import ObjectStore
    from tidegate_agent.engines.images.limits import Budget
    from tidegate_agent.engines.images.pull import Layer


class Ingest:
    """Unpacks layers into objects. `check` is called before every entry, and may raise to stop."""

    def __init__(self, objects: ObjectStore, budget: Budget, check: Callable[[], None]) -> None:
        self._objects = objects
        self._budget = budget
        self._check = check

    def entries(self, layer: Layer, file: BinaryIO) -> Generator[Entry]:
        """Yield a layer's entries once their content is stored.

        The digest of the whole is known only when the iterator ends: until then nothing of it counts.

        Raises:
            TidegateError: an `image.*` code.
            OSError: the disk's.
        """
        chunks = layer_chunks(file, layer.blob.media_type, layer.diff_id, self._budget)
        with work_ahead(chunks) as ahead:
            yield from self._store(TarStream(ahead, self._budget))

    def _store(self, archive: TarStream) -> Iterator[Entry]:
        for entry in archive:
            self._check()
            # Refused before anything is stored, although only the merged tree decides where a file goes.
            parts = split_name(entry.name, self._budget.limits.depth)
            if entry.kind is Kind.FILE and not (parts and parts[-1].startswith(WHITEOUT)):
                yield self._objects.add(entry, archive.content())
            else:
                yield entry

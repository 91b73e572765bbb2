"""A source that asks before each of its steps whether to go on.

Each wait within a step is bounded by the limits of the source itself (settings.Limits); their sum is not.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.source import ImageSource


class WatchedSource:
    """An ImageSource, step by step.

    Args:
        source: does the work.
        go_on: called before each question and each chunk of a blob; it raises what is to end the work.
    """

    def __init__(self, source: ImageSource, go_on: Callable[[], None]) -> None:
        self._source = source
        self._go_on = go_on

    def resolve(self, tag: str) -> str:
        """See ImageSource.resolve."""
        self._go_on()
        return self._source.resolve(tag)

    def manifest(self, digest: str) -> bytes:
        """See ImageSource.manifest."""
        self._go_on()
        return self._source.manifest(digest)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        """See ImageSource.referrers."""
        self._go_on()
        return self._source.referrers(digest, artifact_type)

    @contextlib.contextmanager
    def open_blob(self, blob: Descriptor, offset: int = 0) -> Iterator[Iterator[bytes]]:
        """See ImageSource.open_blob."""
        self._go_on()
        with self._source.open_blob(blob, offset) as chunks:
            yield self._watched(chunks)

    def _watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._go_on()
            yield chunk

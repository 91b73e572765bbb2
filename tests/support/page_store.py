"""A database with a fleet in it, written as a collector writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.writer import Writer
from tidegate_fleet.words import HostEvent
from tidegate_schemas.events import UpdateEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from tests.support.fleet_story import Told
    from tidegate_fleet.store.rows import Word

_BATCH: Final = 4000


def fill_store(path: Path, story: Iterable[Told]) -> str:
    """Write a story into a new SQLite database; its URL."""
    url = f"sqlite:///{path}"
    with open_store(url) as store:
        writer = Writer(store, "test")
        batch: list[Word] = []
        heard: datetime | None = None
        for word, moment in story:
            batch.append(HostEvent(word) if isinstance(word, UpdateEvent) else word)
            heard = moment if heard is None else max(heard, moment)
            if len(batch) >= _BATCH:
                writer.write(batch, heard)
                batch.clear()
        if heard is not None:
            writer.write(batch, heard)
        while writer.place():
            pass
    return url

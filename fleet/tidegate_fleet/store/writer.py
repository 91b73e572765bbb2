"""The write side: takes words in, in a transaction for each batch (`batch.Batch`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tidegate_fleet.history import StatementRecord
from tidegate_fleet.hosts import MOST_HOSTS
from tidegate_fleet.store.batch import Batch, Limits, Written
from tidegate_fleet.store.gate import Gate, OpenGate
from tidegate_fleet.store.placing import place_some
from tidegate_fleet.store.releases import keep_statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from tidegate_fleet.store.connect import Store
    from tidegate_fleet.store.rows import Word

_OPEN: Final = OpenGate()


class Writer:
    """Writes for one collector.

    Args:
        store: the database.
        name: of the collector; no other one has it.
        most_hosts: hosts remembered.
        forget_hosts: after how long hosts are forgotten, if they are: an older last will brings none back.
    """

    def __init__(
        self, store: Store, name: str, most_hosts: int = MOST_HOSTS, forget_hosts: timedelta | None = None
    ) -> None:
        self._store = store
        self._name = name
        self._most_hosts = most_hosts
        self._forget_hosts = forget_hosts
        self._statements = 0

    def write(self, words: Sequence[Word], now: datetime, gate: Gate = _OPEN) -> Written:
        """Take words in. Safe to repeat, also when it is not known whether it was done.

        Args:
            words: in the order in which they came.
            now: the present moment.
            gate: how much of each host is heard.

        Raises:
            StoreError: try again later; nothing was written.
            UnfitRowError: the database will never take this; nothing was written.
        """
        records = [word for word in words if isinstance(word, StatementRecord)]
        if records:
            with self._store.writing() as connection:
                new = keep_statements(connection, records, now)
            # Told when the rest is written, too, be it at the second attempt.
            self._statements += new
        limits = Limits(
            gate, self._most_hosts, None if self._forget_hosts is None else now - self._forget_hosts
        )
        with self._store.writing() as connection:
            written = Batch(connection, now, self._name, limits).write(words)
        written, self._statements = replace(written, statements=self._statements), 0
        return written

    def place(self) -> bool:
        """Bring some hosts into their waves; False when all are there. Raises StoreError."""
        with self._store.writing() as connection:
            return place_some(connection) > 0

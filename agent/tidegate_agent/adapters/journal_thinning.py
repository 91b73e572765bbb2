"""The journal's outbox does not grow without bound: see `tidegate_agent.thinning`.

How many events were dropped is kept in `meta`, under `dropped`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.thinning import AT_ONCE, ENOUGH, Gist, superfluous

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_WAITING: Final = "select count(*) from event where sent = 0"
# Thousands are looked at, and few of them dropped: SQLite reads the fields that matter out of their JSON.
_GISTS: Final = """
select token, json_extract(body, '$.data.step'), json_extract(body, '$.data.percent') is not null,
    json_extract(body, '$.data.sequence') is not null,
    json_extract(body, '$.data.details.message') is not null
from event where sent = 0 order by token
"""


class Thinning:
    """For one database. `thin` is called within the transaction that adds events."""

    def __init__(self) -> None:
        self._look_at = ENOUGH

    def thin(self, db: sqlite3.Connection) -> None:
        """Drop what is too much, and count it."""
        (count,) = db.execute(_WAITING).fetchone()
        if count <= self._look_at:
            return
        gone = superfluous(_gists(db), count)
        db.executemany("delete from event where token = ?", [(token,) for token in gone])
        db.execute(
            "insert into meta (name, value) values ('dropped', ?)"
            " on conflict do update set value = cast(value as integer) + excluded.value",
            (str(len(gone)),),
        )
        # Where only results are left, all of them would else be looked at for each new one.
        self._look_at = max(ENOUGH, count - len(gone) + AT_ONCE)


def _gists(db: sqlite3.Connection) -> Iterator[Gist]:
    for token, step, *fields in db.execute(_GISTS):
        yield Gist(token, step, *map(bool, fields))

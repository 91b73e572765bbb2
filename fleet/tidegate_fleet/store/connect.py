"""A database out of a URL, ready for use.

Passwords do not belong into the URL, which stands in process lists: PostgreSQL's own library finds them in
~/.pgpass, PGPASSFILE, PGPASSWORD or a service file (PostgreSQL, 34.15 to 34.17).
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError

from tidegate_fleet.store.faults import StoreError, in_words
from tidegate_fleet.store.versions import bring_forward, check_version
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sqlalchemy.engine import URL, Connection

_FORMS: Final = "sqlite:////var/lib/tidegate/fleet.db or postgresql+psycopg://user@host/database"
_BUSY_S: Final = 30.0
# Who asks while many others do is told so at once; a writer waits.
_ASKED_S: Final = 5.0
_CACHE_KIB: Final = 65_536
_READERS_CACHE_KIB: Final = 8_192
_PATIENCE: Final = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "tcp_user_timeout": "60000",
    "application_name": "tidegate",
}
_STATEMENT_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Store:
    """An open database. A context manager; safe to use from several threads.

    Attributes:
        engine: SQLAlchemy's.
        label: the database in messages, without password.
    """

    engine: Engine
    label: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One moment of the database, to read from. Raises StoreError."""
        with in_words(self.label), self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is kept when the context ends well. Raises StoreError, UnfitRowError."""
        with (
            in_words(self.label),
            self.engine.connect().execution_options(tidegate_writes=True) as connection,
            connection.begin(),
        ):
            yield connection


def open_store(url: str, *, make: bool = True) -> Store:
    """Open a database.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://user@host/database`.
        make: make what is missing, and bring older tables forward; else both are errors, and it is for
            reading: a question that finds too many others under way fails after a few seconds.

    Raises:
        TidegateError: CONFIG_VALUE for the URL; STORE_MISSING, STORE_NEWER, STORE_REFUSED, STORE_UNREACHABLE.
    """
    parsed = _parse(url)
    file = parsed.get_backend_name() == "sqlite"
    store = _sqlite(parsed, make=make) if file else _postgresql(parsed, make=make)
    try:
        if make:
            with store.writing() as connection:
                bring_forward(connection)
        else:
            with store.reading() as connection:
                check_version(connection)
    except BaseException:
        store.close()
        raise
    return store


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _refused("cannot be understood") from error
    if parsed.password is not None or "password" in parsed.query:
        raise _refused(
            "holds a password, which would stand in process lists: "
            "put it into ~/.pgpass, or name a file with PGPASSFILE"
        )
    if parsed.drivername == "sqlite" and parsed.database and not parsed.host:
        if parsed.database == ":memory:" or parsed.database.startswith("file:"):
            raise _refused("names no file, or not by its path")
        return parsed
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise _refused(f"begins with {parsed.drivername[:30]!r}, or names no database")


def _refused(what: str) -> TidegateError:
    return TidegateError(Code.CONFIG_VALUE, f"The database's URL {what}; expected {_FORMS}")


def _sqlite(url: URL, *, make: bool) -> Store:
    path = Path(url.database or "")
    _prepare_file(path, make=make)
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_S, "check_same_thread": False}, pool_timeout=_patience(make=make)
    )
    event.listen(engine, "connect", _tune_sqlite)
    cache_kib = _CACHE_KIB if make else _READERS_CACHE_KIB
    event.listen(engine, "connect", lambda new, _: new.execute(f"PRAGMA cache_size=-{cache_kib}").close())
    event.listen(engine, "begin", _begin_sqlite)
    return Store(engine, str(path))


def _prepare_file(path: Path, *, make: bool) -> None:
    """Make a file that nobody else may read: it names every host and what it runs."""
    if not make:
        if not path.exists():
            raise StoreError(Code.STORE_MISSING, f"{path} does not exist")
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        code = Code.STORE_REFUSED if isinstance(error, PermissionError) else Code.STORE_UNREACHABLE
        raise StoreError(code, f"{path} cannot be written: {error.strerror}") from error


def _tune_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 -- the sqlite3 module's, by SQLAlchemy
    # Transactions are begun below: the module's own way begins none before a SELECT.
    connection.isolation_level = None
    # FULL: what was acknowledged to the broker must outlive a power cut. A batch of a thousand words is a
    # thousand pages and more: by the default the log would be written back with every one.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "mmap_size=268435456", "wal_autocheckpoint=10000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once where another one wrote meanwhile.
    writes = connection.get_execution_options().get("tidegate_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _patience(*, make: bool) -> float:
    return _BUSY_S if make else _ASKED_S


def _postgresql(url: URL, *, make: bool) -> Store:
    missing = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    missing.setdefault("options", f"-c statement_timeout={_STATEMENT_MS} -c timezone=UTC")
    engine = create_engine(
        url.update_query_dict(missing, append=False), pool_pre_ping=True, pool_timeout=_patience(make=make)
    )
    return Store(engine, f"{url.host or 'localhost'}/{url.database or ''}")

"""The tables. Moments are microseconds since 1970 in UTC: exact, small, and the same in every database.

event       each event once, as it came; `number` is the order of collection
host        one row for each host; it is also the lock that a writer holds while it changes what is below
status      the newest description of a host          label       its labels, to be asked for
follow      its channels, what runs, in which wave    quarantine  digests that it will not run
standing    where it stands in each channel           passage     its way through each release
release     images that were spoken of                statement   what the channels held
collector   what each collector has taken in          meta        the version of all this, and leases
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    desc,
)
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

VERSION: Final = 2
"""Of the tables below; see `versions`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)

# Names sort by code point everywhere: pages of hosts must not depend on a database's language.
Key = Text().with_variant(Text(collation="C"), "postgresql")
_Number = BigInteger().with_variant(Integer(), "sqlite")


def ticks(moment: datetime) -> int:
    """A moment in microseconds since 1970, as the tables have it."""
    return (moment - _EPOCH) // _TICK


class Moment(TypeDecorator[datetime]):
    """A point in time, in microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        del dialect
        return None if value is None else ticks(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401 -- SQLAlchemy's
        """From the database."""
        del dialect
        return None if value is None else _EPOCH + value * _TICK


def _standing() -> list[Column[Any]]:
    """The columns of a `standing.Standing`."""
    return [
        Column("digest", Key, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("resets", BigInteger, nullable=False),
        Column("attempt", BigInteger, nullable=False),
        Column("step", Text, nullable=False),
        Column("phase", Text, nullable=False),
        Column("at", Moment, nullable=False),
        Column("heard", Moment, nullable=False),
        Column("version", Text),
        Column("waiting_for", Text),
        Column("until", Moment),
        Column("percent", Integer),
        Column("code", Text),
        Column("reason", Text, nullable=False),
        Column("by_status", Boolean, nullable=False),
        Column("first_heard", Moment),
    ]


def _place() -> list[Column[Any]]:
    """The columns that name a channel of a host."""
    return [Column(name, Key, nullable=False) for name in ("host", "product", "channel")]


metadata = MetaData()

event = Table(
    "event",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("host", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("product", Key),
    Column("channel", Key),
    Column("digest", Key),
    Column("sequence", BigInteger),
    Column("attempt", BigInteger),
    Column("step", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("heard", Moment, nullable=False),
    Column("code", Text),
    Column("waiting_for", Text),
    Column("verified", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("host", "id"),
    Index("event_of_host", "host", "number"),
    # What leads a host along a way: see dossier.release_of. The other events of a host have no digest here.
    Index("event_of_way", "host", "product", "channel", "digest"),
    sqlite_autoincrement=True,
)

host = Table(
    "host",
    metadata,
    Column("name", Key, primary_key=True),
    Column("presence", Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("connection", BigInteger, nullable=False),
    Column("ended_start", BigInteger),
    Column("ended_connection", BigInteger),
    Column("ended_at", Moment),
    Column("heard", Moment, nullable=False),
    Column("arch", Text),
    Column("labels", Text, nullable=False),
    Column("flooded", BigInteger, nullable=False, default=0),
    Column("collided", BigInteger, nullable=False, default=0),
    Index("host_by_presence", "presence", "name"),
    Index("host_by_heard", "heard", "name"),
)

status = Table(
    "status", metadata, Column("host", Key, primary_key=True), Column("body", Text, nullable=False)
)

label = Table(
    "label",
    metadata,
    Column("host", Key, nullable=False),
    Column("key", Key, nullable=False),
    Column("value", Key, nullable=False),
    PrimaryKeyConstraint("host", "key"),
    Index("label_by_value", "key", "value", "host"),
)

follow = Table(
    "follow",
    metadata,
    *_place(),
    Column("current", Key),
    Column("version", Text),
    Column("stale", Boolean, nullable=False),
    Column("wave", Text),
    Column("placed", Text, nullable=False),
    PrimaryKeyConstraint("host", "product", "channel"),
    Index("follow_by_current", "product", "channel", "current", "version", "host"),
    Index("follow_by_wave", "product", "channel", "wave", "host"),
    Index("follow_stale", "stale", "product", "channel"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("host", Key, nullable=False),
    Column("digest", Key, nullable=False),
    PrimaryKeyConstraint("host", "digest"),
    Index("quarantine_by_digest", "digest"),
)

standing = Table(
    "standing", metadata, *_place(), *_standing(), PrimaryKeyConstraint("host", "product", "channel")
)

passage = Table(
    "passage",
    metadata,
    *_place(),
    *_standing(),
    Column("wave", Text, nullable=False),
    Column("placed", Text, nullable=False),
    Column("began", Moment, nullable=False),
    Column("activated", Moment),
    Column("durations", Text, nullable=False),
    Column("told", BigInteger, nullable=False),
    Column("waited_for", Text, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("verified", BigInteger, nullable=False),
    PrimaryKeyConstraint("product", "channel", "digest", "host"),
    Index("passage_by_phase", "product", "channel", "digest", "phase", "wave", "host"),
    Index("passage_of_host", "host", "began"),
)

release = Table(
    "release",
    metadata,
    *(Column(name, Key, nullable=False) for name in ("product", "channel", "digest")),
    Column("first", Moment, nullable=False),
    Column("placed", Text, nullable=False),
    PrimaryKeyConstraint("product", "channel", "digest"),
    Index("release_by_first", desc("first")),
)

statement = Table(
    "statement",
    metadata,
    *(Column(name, Key, nullable=False) for name in ("product", "channel")),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", Key, nullable=False),
    Column("heard", Moment, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("signers", Text, nullable=False),
    Column("division", Text, nullable=False),
    Column("body", Text, nullable=False),
    PrimaryKeyConstraint("product", "channel", "sequence"),
    Index("statement_by_digest", "product", "channel", "digest", "sequence"),
)

collector = Table(
    "collector",
    metadata,
    Column("name", Key, primary_key=True),
    Column("events", BigInteger, nullable=False),
    Column("newest", Moment),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Key, primary_key=True),
    Column("value", Text, nullable=False),
    Column("until", Moment),
)

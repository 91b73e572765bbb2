"""Making a report: from a store to figures, and from these to a page or to one JSON document."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from tidegate_fleet.report import document, narrative, page
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.selection import select
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_publisher.atomic_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from tidegate_fleet.report.asked import ReleaseHistory
    from tidegate_fleet.report.figures import Figures
    from tidegate_fleet.report.selection import Wanted
    from tidegate_publisher.options.target import Target
    from tidegate_publisher.output import Rows


@contextlib.contextmanager
def opened(store: str) -> Iterator[ReleaseHistory]:
    """The history in a database, which has to be there. Raises TidegateError: CONFIG_VALUE, STORE_*."""
    with open_store(store, make=False) as known:
        yield StoredHistory(known)


def terms(now: datetime, silent_after: timedelta, *, anonymous: bool) -> Terms:
    """How a report is made; an anonymous one makes names up anew each time."""
    return Terms(now, silent_after, Disclosure(secrets.token_bytes(32) if anonymous else None))


def figures_of(history: ReleaseHistory, target: Target, wanted: Wanted, how: Terms) -> Figures:
    """The figures of a release. Raises TidegateError: REPORT_NO_RELEASE, STORE_*."""
    record, before = select(history, target, wanted)
    return gather(history, record, before, how)


def write_page(figures: Figures, title: str | None, into: Path) -> None:
    """The page, as a file. Raises TidegateError: DISK_IO."""
    write_whole(into, page.render(figures, title).encode())


def print_document(history: ReleaseHistory, figures: Figures, how: Terms) -> None:
    """The figures and every host's way on stdout. Whole or not at all: it is spooled to disk before."""
    passages = history.passages(figures.lead.key)
    with tempfile.TemporaryFile("w+", encoding="ascii") as spool:
        spool.writelines(document.pieces(figures, passages, how.disclosure))
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout)


def rows(figures: Figures, into: Path) -> Rows:
    """What a person is told on the terminal."""
    lead = figures.lead
    return [
        ("report", str(into)),
        ("release", f"{lead.key.product}/{lead.key.channel} {lead.version} {lead.key.digest}"),
        ("state", narrative.state(figures)),
        ("hosts", narrative.headline(figures)),
    ]

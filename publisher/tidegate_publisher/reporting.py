"""Making a report: from a store to figures, and from these to a page, a summary or one JSON document."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tidegate_fleet.report import document, markdown, narrative, page
from tidegate_fleet.report.asked import ReleaseHistory
from tidegate_fleet.report.disclosure import Disclosure
from tidegate_fleet.report.figures import Figures
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.overview import Overview, gather_overview
from tidegate_fleet.report.phrases import plain_spaces
from tidegate_fleet.report.selection import select
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_publisher.atomic_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

    from tidegate_fleet.report.selection import Wanted
    from tidegate_publisher.options.target import Target
    from tidegate_publisher.output import Rows


class Made(Protocol):
    """A report in its forms."""

    def page(self, title: str | None) -> str:
        """As HTML."""
        ...

    def summary(self, title: str | None) -> str:
        """In Markdown."""
        ...

    def document(self) -> Iterator[str]:
        """As JSON, in pieces."""
        ...

    def rows(self) -> Rows:
        """What a person is told on the terminal."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """A report on one release. Implements Made."""

    history: ReleaseHistory
    figures: Figures
    disclosure: Disclosure

    def page(self, title: str | None) -> str:
        """See Made."""
        return page.render(self.figures, title)

    def summary(self, title: str | None) -> str:
        """See Made."""
        return markdown.summary(self.figures, title)

    def document(self) -> Iterator[str]:
        """See Made; reads every host's way once more."""
        passages = self.history.passages(self.figures.release.key)
        return document.pieces(self.figures, passages, self.disclosure)

    def rows(self) -> Rows:
        """See Made."""
        release = self.figures.release
        return [
            (
                "release",
                f"{release.key.product}/{release.key.channel} {release.version} {release.key.digest}",
            ),
            ("state", narrative.state(self.figures)),
            ("hosts", plain_spaces(narrative.headline(self.figures))),
        ]


@dataclass(frozen=True, slots=True)
class OverviewReport:
    """A report on a channel's last releases. Implements Made."""

    overview: Overview

    def page(self, title: str | None) -> str:
        """See Made."""
        return page.render_overview(self.overview, title)

    def summary(self, title: str | None) -> str:
        """See Made."""
        return markdown.overview_summary(self.overview, title)

    def document(self) -> Iterator[str]:
        """See Made."""
        yield json.dumps(document.plain(self.overview), allow_nan=False) + "\n"

    def rows(self) -> Rows:
        """See Made."""
        return [("releases", ", ".join(release.version for release in self.overview.releases))]


@contextlib.contextmanager
def opened(store: str) -> Iterator[ReleaseHistory]:
    """The history in a database, which has to be there. Raises TidegateError: CONFIG_VALUE, STORE_*."""
    with open_store(store, make=False) as known:
        yield StoredHistory(known)


def terms(now: datetime, silent_after: timedelta, *, anonymous: bool) -> Terms:
    """How a report is made; an anonymous one makes names up anew each time."""
    return Terms(now, silent_after, Disclosure(secrets.token_bytes(32) if anonymous else None))


def release(history: ReleaseHistory, target: Target, wanted: Wanted, how: Terms) -> ReleaseReport:
    """A report on a release. Raises TidegateError: REPORT_NO_RELEASE, STORE_*."""
    record, before = select(history, target, wanted)
    return ReleaseReport(history, gather(history, record, before, how), how.disclosure)


def overview(history: ReleaseHistory, target: Target, last: int, how: Terms) -> OverviewReport:
    """A report on a channel's last releases. Raises TidegateError: REPORT_NO_RELEASE, STORE_*."""
    return OverviewReport(gather_overview(history, target, last, how))


def write_page(made: Made, title: str | None, into: Path) -> None:
    """The page, as a file. Raises TidegateError: DISK_IO."""
    write_whole(into, made.page(title).encode())


def print_document(made: Made) -> None:
    """The JSON document on stdout. Whole or not at all: it is spooled to disk before."""
    with tempfile.TemporaryFile("w+", encoding="ascii") as spool:
        spool.writelines(made.document())
        spool.seek(0)
        shutil.copyfileobj(spool, sys.stdout)


def rows(made: Made, into: Path) -> Rows:
    """What a person is told on the terminal."""
    return [("report", str(into)), *made.rows()]

"""The three pages: the release, a list of hosts, one host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding
from textual.containers import Container
from textual.screen import Screen
from textual.widgets import Input, Static

from tidegate_fleet.phrases import hosts as count_of_hosts
from tidegate_fleet.watch import overview
from tidegate_fleet.watch.counts import wave_words
from tidegate_fleet.watch.host_list import HostRows, list_head
from tidegate_fleet.watch.host_page import host_page
from tidegate_fleet.watch.roster import Filter, listed, waves_of
from tidegate_fleet.watch.rows import FewRows, Tone, row
from tidegate_fleet.watch.screen.row_list import Head, RowList

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tidegate_fleet.watch.model import Watched
    from tidegate_fleet.watch.picture import Picture
    from tidegate_fleet.watch.rows import Row

WIDE: Final = 130
"""Columns from which the events stand beside the rest."""

_LIST_EVERY_S: Final = 2.0


class Page(Screen[None]):
    """A page that is shown a picture, now and then.

    Args:
        watched: what is known.
    """

    KEYS: ClassVar[str] = ""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self.watched = watched
        self.picture: Picture | None = None

    def show(self, picture: Picture) -> None:
        """Show it."""
        self.picture = picture
        if self.is_mounted:
            self.paint(picture)

    def paint(self, picture: Picture) -> None:
        """Draw it; what is drawn depends on the page."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Draw what is known already."""
        self.repaint()

    def on_resize(self, event: events.Resize) -> None:
        """Another width has other words."""
        self.set_class(event.size.width >= WIDE, "wide")
        self.call_after_refresh(self.repaint)

    def repaint(self) -> None:
        """Draw the last picture once more."""
        if self.picture is not None:
            self.paint(self.picture)


class OverviewPage(Page):
    """The release."""

    KEYS = "↑↓ enter: look into   /: search   h: hold   r: resume   ?: help   q: quit"

    def compose(self) -> ComposeResult:
        """See textual."""
        yield Head("header")
        with Container(id="main"):
            yield RowList("body")
            yield RowList("events")
        yield Static(self.KEYS, id="keys", markup=False)

    def paint(self, picture: Picture) -> None:
        """See Page.paint."""
        head = self.query_one(Head)
        head.show(FewRows(overview.header(picture, head.room)))
        body, events_list = self.query_one("#body", RowList), self.query_one("#events", RowList)
        body.show(FewRows(overview.body(picture, body.room)))
        events_list.show(FewRows(overview.events(picture, max(2, events_list.size.height))))


class HostsPage(Page):
    """A list of hosts, as the filter says."""

    KEYS = "↑↓ enter: open  /: search  p: phase  w: wave  escape: back  ?: help  q: quit"
    BINDINGS: ClassVar = [
        Binding("p", "phase", "next phase", show=False),
        Binding("w", "wave", "next wave", show=False),
    ]

    def __init__(self, watched: Watched, wanted: Filter, *, searching: bool = False) -> None:
        super().__init__(watched)
        self.wanted = wanted
        self._searching = searching
        self._listed: tuple[Filter, int] | None = None
        self._at = 0.0
        self._names: list[str] = []

    def compose(self) -> ComposeResult:
        """See textual."""
        yield Head("header")
        yield RowList("hosts")
        yield Input(placeholder="part of a host's name", id="search")
        yield Static(self.KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin with the search field, if that was asked for."""
        self.query_one("#search", Input).display = self._searching
        self.query_one("#search" if self._searching else "#hosts").focus()
        self.repaint()

    def paint(self, picture: Picture) -> None:
        """See Page.paint."""
        self._list(picture)
        rows = self.query_one("#hosts", RowList)
        self.query_one(Head).show(FewRows([*self._heading(picture), list_head(rows.room)]))
        rows.show(HostRows(self.watched, self._names, picture.now, rows.room))

    def _heading(self, picture: Picture) -> list[Row]:
        found = f", with {self.wanted.text!r} in the name" if self.wanted.text else ""
        words = f"{picture.channel}  {self.wanted.words}{found}"
        rows = [row((words, Tone.TITLE), f"  {count_of_hosts(len(self._names))}")]
        if self.wanted.wave is not None:
            rows.append(row((wave_words(picture, self.wanted.wave), Tone.DIM)))
        return rows

    def _list(self, picture: Picture) -> None:
        # The rows are always those of now; who is among them is looked for now and then.
        stale = picture.now.timestamp() - self._at >= _LIST_EVERY_S
        state = self.wanted, self.watched.changes
        if self._listed is None or self._listed[0] != self.wanted or (stale and self._listed != state):
            self._names = listed(self.watched, self.wanted, picture.now)
            self._listed, self._at = state, picture.now.timestamp()

    def search(self) -> None:
        """Let a part of the name be typed."""
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    def leave_search(self) -> bool:
        """Away from the search field; False when it was not there."""
        field = self.query_one("#search", Input)
        if not field.display:
            return False
        field.value = ""
        field.display = False
        self.query_one("#hosts").focus()
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list with every letter."""
        self.wanted = replace(self.wanted, text=event.value)
        self.repaint()

    def on_input_submitted(self) -> None:
        """Into the list that was found."""
        self.query_one("#hosts").focus()

    def action_phase(self) -> None:
        """The next phase, and all after the last."""
        self.wanted = self.wanted.next_phase()
        self.repaint()

    def action_wave(self) -> None:
        """The next wave, and all after the last."""
        self.wanted = self.wanted.next_wave(waves_of(self.watched))
        self.repaint()


class HostPage(Page):
    """One host."""

    KEYS = "↑↓: scroll   escape: back   ?: help   q: quit"

    def __init__(self, watched: Watched, name: str) -> None:
        super().__init__(watched)
        self.host = name

    def compose(self) -> ComposeResult:
        """See textual."""
        yield RowList("host")
        yield Static(self.KEYS, id="keys", markup=False)

    def paint(self, picture: Picture) -> None:
        """See Page.paint."""
        rows = self.query_one("#host", RowList)
        rows.show(FewRows(host_page(self.watched, self.host, picture.now, rows.room)))

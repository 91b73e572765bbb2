"""A list of rows that are made as they come into sight, with a cursor among those that lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tidegate_fleet.watch.rows import FewRows, Tone

if TYPE_CHECKING:
    from textual import events

    from tidegate_fleet.watch.roster import Filter
    from tidegate_fleet.watch.rows import Row, Rows

STYLES: Final = {
    Tone.PLAIN: Style(),
    Tone.TITLE: Style(bold=True),
    Tone.DIM: Style(dim=True),
    Tone.GOOD: Style(color="green"),
    Tone.BAD: Style(color="red", bold=True),
    Tone.WARN: Style(color="yellow", bold=True),
    Tone.BUSY: Style(color="cyan"),
}
_CURSOR: Final = "▶"
_GUTTER: Final = 1


class RowList(ScrollView, can_focus=True):
    """Rows, one a line, cut to the width. Nothing in it is read as markup."""

    DEFAULT_CSS = "RowList { overflow-x: hidden; }"
    BINDINGS: ClassVar = [
        Binding("up,k", "move(-1)", "up", show=False),
        Binding("down,j", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("home,g", "ends(0)", "first", show=False),
        Binding("end,G", "ends(1)", "last", show=False),
        Binding("enter,right", "choose", "open", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a row, or it was clicked."""

        def __init__(self, leads: Filter | str) -> None:
            super().__init__()
            self.leads = leads

    def __init__(self, identifier: str) -> None:
        super().__init__(id=identifier)
        self._rows: Rows = FewRows()
        self._cursor: int | None = None

    @property
    def room(self) -> int:
        """Columns for a row."""
        return max(1, self.size.width - _GUTTER)

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        at = self._cursor
        return None if at is None or at >= len(self._rows) else self._rows[at]

    def show(self, rows: Rows) -> None:
        """Show other rows. The cursor stays with what it was on, if that is still there."""
        before = self.chosen
        self._rows = rows
        found = rows.find(before.key) if before is not None and before.key else None
        if found is None:
            found = self._near(self._cursor or 0)
        self._cursor = found
        self.virtual_size = Size(self.room, len(rows))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the widget (textual's line API)."""
        index = y + self.scroll_offset.y
        width = self.size.width
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        here = index == self._cursor and self.has_focus
        base = self.rich_style + (Style(reverse=True) if here else Style())
        segments = [Segment(_CURSOR if here else " ", base)]
        segments += [Segment(text, base + STYLES[tone]) for text, tone in self._rows[index].spans]
        return Strip(segments).crop(0, width).extend_cell_length(width, base)

    def action_move(self, step: int) -> None:
        """Up or down by one row that leads somewhere; where there is none, scroll."""
        at = self._next((self._cursor or 0) + step, step) if self._cursor is not None else None
        if at is None:
            self.scroll_relative(y=step, animate=False)
            return
        self._go(at)

    def action_page(self, step: int) -> None:
        """Up or down by a page."""
        height = max(1, self.size.height - 1)
        if self._cursor is None:
            self.scroll_relative(y=step * height, animate=False)
            return
        wanted = min(len(self._rows) - 1, max(0, self._cursor + step * height))
        self._go(self._near(wanted))

    def action_ends(self, last: int) -> None:
        """To the first row, or to the last."""
        if self._cursor is not None:
            self._go(self._near(len(self._rows) - 1 if last else 0))
        self.scroll_to(y=len(self._rows) if last else 0, animate=False)

    def action_choose(self) -> None:
        """Open what the cursor is on."""
        chosen = self.chosen
        if chosen is not None and chosen.leads is not None:
            self.post_message(self.Chosen(chosen.leads))

    def on_click(self, event: events.Click) -> None:
        """Open what is clicked."""
        index = event.y + self.scroll_offset.y
        if index < len(self._rows) and self._rows[index].key:
            self._go(index)
            self.action_choose()

    def _go(self, index: int | None) -> None:
        if index is None:
            return
        self._cursor = index
        top, height = self.scroll_offset.y, self.size.height
        if index < top:
            # What stands right above (a heading) comes into sight with it.
            self.scroll_to(y=max(0, index - 1), animate=False)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False)
        self.refresh()

    def _next(self, start: int, step: int) -> int | None:
        index = start
        while 0 <= index < len(self._rows):
            if self._rows[index].key:
                return index
            index += step
        return None

    def _near(self, index: int) -> int | None:
        found = self._next(index, 1)
        return self._next(min(index, len(self._rows) - 1), -1) if found is None else found


class Head(RowList, can_focus=False):
    """Rows that stand above a page: as high as there are rows, within reason."""

    MOST: Final = 8

    def show(self, rows: Rows) -> None:
        """See RowList.show."""
        self.styles.height = min(len(rows), self.MOST)
        super().show(rows)

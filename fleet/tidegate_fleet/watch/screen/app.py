"""The application: takes from the inbox what there is time for, paints, asks before anything is signed."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App
from textual.binding import Binding

from tidegate_fleet.watch.ending import ending
from tidegate_fleet.watch.remains import Remains
from tidegate_fleet.watch.roster import Filter
from tidegate_fleet.watch.screen.dialogs import HELP, Dialog
from tidegate_fleet.watch.screen.helm import Helm
from tidegate_fleet.watch.screen.pages import HostPage, HostsPage, OverviewPage, Page
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from tidegate_fleet.watch.ending import Ending
    from tidegate_fleet.watch.inbox import Inbox
    from tidegate_fleet.watch.model import Watched
    from tidegate_fleet.watch.picture import Picture
    from tidegate_fleet.watch.ports import Steering
    from tidegate_fleet.watch.screen.row_list import RowList

TURN_S: Final = 0.1
"""How often the inbox is looked into."""

FRAME_S: Final = 0.2
"""How often is painted, at most."""

_STILL_S: Final = 1.0
_TAKING_S: Final = 0.04
_PORTION: Final = 100
_DEPTH: Final = 12


class WatchApp(App[None]):
    """The live view.

    Args:
        watched: the model; from now on only this thread uses it.
        inbox: where words are left.
        steering: who signs.
        now: the present moment.
        duration: how long to watch; None is for ever.

    Attributes:
        picture: what is shown.
        fault: why watching ended in an error.
        how: how the release went, if it was watched to its end.
        left: whether the person left.
        signal: the signal that ended it.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS_PATH = Path(__file__).with_name("watch.tcss")
    BINDINGS: ClassVar = [
        Binding("q", "leave", "quit", show=False),
        Binding("ctrl+c", "interrupt", "interrupt", show=False, priority=True),
        Binding("h", "steer('hold')", "hold", show=False),
        Binding("r", "steer('resume')", "resume", show=False),
        Binding("slash", "search", "search", show=False),
        Binding("question_mark", "keys", "help", show=False),
        Binding("escape,left", "up", "back", show=False),
    ]

    def __init__(
        self,
        watched: Watched,
        inbox: Inbox,
        steering: Steering,
        now: Callable[[], datetime],
        *,
        duration: timedelta | None = None,
    ) -> None:
        super().__init__()
        self.picture: Picture | None = None
        self.fault: TidegateError | None = None
        self.how: Ending | None = None
        self.left = False
        self.signal: int | None = None
        self._watched = watched
        self._inbox = inbox
        self._now = now
        self._deadline = None if duration is None else time.monotonic() + duration.total_seconds()
        self._painted = (0.0, -1)
        self._releases = 0
        self._remains = Remains()
        self._helm = Helm(self, steering)

    def on_mount(self) -> None:
        """Begin."""
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self._end_by, number)
        self.push_screen(OverviewPage(self._watched))
        self.set_interval(TURN_S, self._turn)

    def on_row_list_chosen(self, message: RowList.Chosen) -> None:
        """Go where a row leads."""
        leads = message.leads
        page = HostPage(self._watched, leads) if isinstance(leads, str) else HostsPage(self._watched, leads)
        self._open(page)

    def action_leave(self) -> None:
        """Quit."""
        self.left = True
        self.exit()

    def action_interrupt(self) -> None:
        """Quit, as an interrupt does anywhere."""
        self._end_by(signal.SIGINT)

    def action_up(self) -> None:
        """Out of the search, or to the page before."""
        page = self.screen
        if isinstance(page, HostsPage) and page.leave_search():
            return
        if isinstance(page, (HostsPage, HostPage)):
            self.pop_screen()

    def action_search(self) -> None:
        """Search for hosts by name."""
        page = self.screen
        if isinstance(page, HostsPage):
            page.search()
        elif isinstance(page, Page):
            self._open(HostsPage(self._watched, Filter(), searching=True))

    def action_keys(self) -> None:
        """Explain the keys."""
        if isinstance(self.screen, Page):
            self.push_screen(Dialog("Keys", HELP))

    def action_steer(self, action: str) -> None:
        """Hold or resume, after a question."""
        if isinstance(self.screen, Page):
            self._helm.ask(action, self.picture)

    def _open(self, page: Page) -> None:
        if len(self.screen_stack) >= _DEPTH:
            return
        if self.picture is not None:
            page.show(self.picture)
        self.push_screen(page)

    def _turn(self) -> None:
        try:
            self._take()
            self._helm.turn()
            self._paint()
        except Exception as error:  # noqa: BLE001 -- textual would print a traceback with everything's value
            words = " ".join(str(error).split())[:300]
            self.fault = TidegateError(Code.INTERNAL_ERROR, f"{type(error).__name__}: {words}")
            self.fault.__cause__ = error
            self.exit()

    def _take(self) -> None:
        until = time.perf_counter() + _TAKING_S
        now = self._now()
        while time.perf_counter() < until and (portion := self._inbox.take(_PORTION)):
            for heard in portion:
                self._watched.take(heard, now)
        self._remains.look(self._watched)
        if self._watched.fault is not None:
            self.fault = self._watched.fault
            self.exit()

    def _paint(self) -> None:
        at, changes = self._painted
        since = time.monotonic() - at
        if since < FRAME_S or (since < _STILL_S and changes == self._watched.changes):
            return
        self._painted = (time.monotonic(), self._watched.changes)
        self.picture = picture = self._watched.picture(self._now())
        page = self._page()
        if page is not None:
            page.show(picture)
        self._announce()
        self.how = ending(picture, self._watched.goal)
        if self.how is not None or (self._deadline is not None and time.monotonic() >= self._deadline):
            self.exit()

    def _page(self) -> Page | None:
        pages = (screen for screen in reversed(self.screen_stack) if isinstance(screen, Page))
        return next(pages, None)

    def _announce(self) -> None:
        if self._watched.releases != self._releases and self.picture is not None and self.picture.release:
            self._releases = self._watched.releases
            release = self.picture.release
            self.notify(f"{release.version}, #{release.sequence}", title="Another release", markup=False)

    def _end_by(self, number: int) -> None:
        self.signal = number
        self.exit()

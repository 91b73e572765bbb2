"""One look at the store for all who watch: what is new is kept for a while, each reader has a place in it.

A reader costs a number. One who is slow finds more at once, and gets it counted; one who stops reading is let
go by his connection's patience (`streaming.Stream`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from fastapi.concurrency import run_in_threadpool
from loguru import logger

from tidegate_fleet.web.live.news import tell, tell_fleet, tell_gap
from tidegate_fleet.web.slots import Slots
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from tidegate_fleet.history import EventRecord, History
    from tidegate_fleet.web.live.news import Interest
    from tidegate_fleet.web.site import Site

_KEPT: Final = 5_000
_PAGE: Final = 500
_BACKLOG: Final = 10
_ALIVE: Final = b": alive\n\n"
_RETRY: Final = b"retry: 3000\n\n"
_FLEET_EVERY: Final = 5


class Hub:
    """Looks for news while somebody watches.

    Args:
        history: where it looks.
        site: how often, and for how many.

    Attributes:
        viewers: the places of those who watch.
    """

    def __init__(self, history: History, site: Site) -> None:
        self._history = history
        self._site = site
        self._events: deque[EventRecord] = deque(maxlen=_KEPT)
        self._seen: int | None = None
        self._fleet: tuple[int, int, int] | None = None
        self.viewers = Slots(site.most_viewers, "live views", retry_after=10)
        self._closed = False
        self._change = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While the server runs: looks, until it is told to end."""
        looking = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            await self.close()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    async def close(self) -> None:
        """Let all readers go at once."""
        self._closed = True
        async with self._change:
            self._change.notify_all()

    def watch(
        self, interest: Interest, after: int | None, left_s: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The stream of one reader, who takes a place; `Stream` gives it back.

        Args:
            interest: what he watches.
            after: the last number that he has; None: from now on.
            left_s: seconds after which he has to show anew that he may; None: never.

        Raises:
            PageError: PAGE_BUSY, as many watch as may.
        """
        self.viewers.take()
        return self._stream(interest, after, math.inf if left_s is None else left_s)

    async def _stream(
        self, interest: Interest, after: int | None, left_s: float
    ) -> AsyncGenerator[bytes, None]:
        clock = asyncio.get_running_loop().time
        yield _RETRY
        place = await self._begin(after)
        fleet, spoke = None, clock()
        ends = spoke + left_s
        while not self._closed and clock() < ends:
            said, place = await self._since(place, interest)
            if self._fleet != fleet and self._fleet is not None:
                fleet = self._fleet
                said += tell_fleet(*fleet)
            if not said and clock() - spoke >= self._site.heartbeat_s:
                said = _ALIVE
            if said:
                yield said
                spoke = clock()
            await self._wait(place, fleet, min(spoke + self._site.heartbeat_s, ends))

    async def _wait(self, place: int, fleet: tuple[int, int, int] | None, until: float) -> None:
        """Until there is something new, or that moment has come."""

        def is_new() -> bool:
            return self._closed or self._fleet not in {fleet, None} or (self._seen or 0) > place

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until), self._change:
                await self._change.wait_for(is_new)

    async def _since(self, place: int, interest: Interest) -> tuple[bytes, int]:
        """What came after a place, and the place after that."""
        if self._seen is not None and place >= self._seen:
            return b"", place
        if self._events and place + 1 >= self._events[0].number:
            found = list(itertools.dropwhile(lambda record: record.number <= place, self._events))
            newest = found[-1].number if found else place
            return tell(found, newest, interest), max(newest, self._seen or 0)
        return await self._from_store(place, interest)

    async def _from_store(self, place: int, interest: Interest) -> tuple[bytes, int]:
        found: list[EventRecord] = []
        for _ in range(_BACKLOG):
            page = await run_in_threadpool(self._history.events_after, place, _PAGE)
            found += page
            place = page[-1].number if page else place
            if len(page) < _PAGE:
                # Not what was seen meanwhile, which is not told yet.
                return tell(found, place, interest), place
        newest = await self._newest()
        return tell_gap(newest), newest

    async def _begin(self, after: int | None) -> int:
        """Where a reader begins: who brings a number from before the store was made anew, now."""
        newest = await self._newest()
        if after is not None and after > newest:
            newest = await run_in_threadpool(self._history.newest_number)
        return newest if after is None else min(after, newest)

    async def _newest(self) -> int:
        if self._seen is None:
            self._seen = await run_in_threadpool(self._history.newest_number)
        return self._seen

    async def _look_on(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(self._site.pace_s)
            if not self.viewers.taken:
                # Nobody watches: what happens meanwhile is found in the store by who comes next.
                self._seen, self._fleet = None, None
                self._events.clear()
                continue
            try:
                await self._look(with_fleet=turn % _FLEET_EVERY == 0 or self._fleet is None)
            except TidegateError as error:
                logger.warning("live views wait for the store: {}", error)
            except Exception as error:  # noqa: BLE001 -- one fault must not end live views for good
                logger.opt(exception=error).error("[{}] live views: unexpected", Code.INTERNAL_ERROR)

    async def _look(self, *, with_fleet: bool) -> None:
        place = await self._newest()
        found: list[EventRecord] = []
        for _ in range(_BACKLOG):
            page = await run_in_threadpool(self._history.events_after, place, _PAGE)
            found += page
            if len(page) < _PAGE:
                break
            place = page[-1].number
        summary = await run_in_threadpool(self._history.summary) if with_fleet else None
        async with self._change:
            self._events.extend(found)
            self._seen = found[-1].number if found else place
            if summary is not None:
                self._fleet = (summary.hosts, summary.online, summary.events)
            self._change.notify_all()

"""Every address of the API."""
# ruff: noqa: TC001 -- FastAPI reads the annotations of routes

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool

from tidegate_fleet.history import PAGE, ReleaseKey
from tidegate_fleet.web.answers.fleet import SummaryAnswer
from tidegate_fleet.web.answers.hosts import (
    EventsAnswer,
    HostAnswer,
    HostsAnswer,
    brief_host,
    told_event,
    whole_host,
)
from tidegate_fleet.web.answers.releases import PassageAnswer, ReleaseAnswer, ReleasesAnswer, passage
from tidegate_fleet.web.api.paths import ChannelName, HostName, ImageDigest, Product
from tidegate_fleet.web.api.queries import HostFilter
from tidegate_fleet.web.ascii_json import AsciiJson, to_ascii
from tidegate_fleet.web.doors.door import READER, Reader
from tidegate_fleet.web.live.news import Interest
from tidegate_fleet.web.problems import MEDIA_TYPE, Problem
from tidegate_fleet.web.slots import Slots
from tidegate_fleet.web.streaming import Stream
from tidegate_schemas.base import HOST_PATTERN, NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from tidegate_fleet.history import Passage
    from tidegate_fleet.web.live.hub import Hub
    from tidegate_fleet.web.reading import Reading
    from tidegate_fleet.web.site import Site

PREFIX: Final = "/api/v1"
_CHANNEL: Final = f"^{NAME_PATTERN.strip('^$')}/{NAME_PATTERN.strip('^$')}$"
_BATCH: Final = 500

Limit = Annotated[int, Query(ge=1, le=PAGE["most"], description="Rows on a page.")]
Number = Annotated[int, Query(ge=0, le=2**63 - 1)]


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "model": Problem, "content": {MEDIA_TYPE: {}}}


_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: _problem("A parameter is unknown or wrong."),
    401: _problem("Not logged in."),
    404: _problem("Nothing of it was collected."),
    503: _problem("Too busy, or the store cannot be read."),
}


class Routes:
    """The API over a history.

    Args:
        reading: what is asked.
        hub: live views.
        site: how much is given away at once.
    """

    def __init__(self, reading: Reading, hub: Hub, site: Site) -> None:
        self._reading = reading
        self._history = reading.history
        self._hub = hub
        self._site = site
        self._exports = Slots(site.most_exports, "exports", retry_after=30)

    def router(self) -> APIRouter:
        """Everything under `/api/v1`."""
        api = APIRouter(prefix=PREFIX, default_response_class=AsciiJson, responses=_PROBLEMS)
        release = "/releases/{product}/{channel}/{digest}"
        api.add_api_route("/summary", self.summary, tags=["fleet"])
        api.add_api_route("/hosts", self.hosts, tags=["hosts"])
        api.add_api_route("/hosts/{name}", self.host, tags=["hosts"])
        api.add_api_route("/hosts/{name}/events", self.host_events, tags=["hosts"])
        api.add_api_route("/releases", self.releases, tags=["releases"])
        api.add_api_route(release, self.release, tags=["releases"])
        api.add_api_route(
            f"{release}/passages",
            self.passages,
            tags=["releases"],
            status_code=200,
            response_class=Stream,
            responses={200: {"model": PassageAnswer, "content": {"application/x-ndjson": {}}}},
        )
        api.add_api_route("/events", self.events, tags=["events"])
        api.add_api_route(
            "/live",
            self.live,
            tags=["events"],
            status_code=200,
            response_class=Stream,
            responses={200: {"description": "Server-sent events.", "content": {"text/event-stream": {}}}},
        )
        return api

    def summary(self) -> SummaryAnswer:
        """The fleet in numbers: hosts, what they run in each channel, what is quarantined."""
        return self._reading.summary()

    def hosts(self, asked: Annotated[HostFilter, Query()]) -> HostsAnswer:
        """Hosts by name, a page at a time."""
        query = asked.query(self._site.now())
        records = self._history.hosts(query)
        more = len(records) == query.limit
        following = asked.pairs(after=records[-1].name) if more else []
        return HostsAnswer(
            items=tuple(brief_host(record) for record in records),
            total=self._history.count_hosts(query),
            next=f"{PREFIX}/hosts?{urlencode(following)}" if more else None,
        )

    def host(self, name: HostName) -> HostAnswer:
        """One host."""
        return whole_host(self._reading.host(name))

    def host_events(self, name: HostName, before: Number | None = None, limit: Limit = 50) -> EventsAnswer:
        """What one host said, the newest first."""
        self._reading.host(name)
        records = self._history.host_events(name, before, limit)
        following = urlencode({"before": records[-1].number, "limit": limit}) if records else ""
        return EventsAnswer(
            items=tuple(told_event(record) for record in records),
            next=f"{PREFIX}/hosts/{name}/events?{following}" if len(records) == limit else None,
        )

    def releases(self, limit: Limit = 50) -> ReleasesAnswer:
        """Releases, the newest first."""
        return self._reading.releases(limit)

    def release(self, product: Product, channel: ChannelName, digest: ImageDigest) -> ReleaseAnswer:
        """One release: its waves, failures by code, what its publisher did, how it came to its hosts."""
        return self._reading.release(ReleaseKey(product, channel, digest))

    async def passages(self, product: Product, channel: ChannelName, digest: ImageDigest) -> Stream:
        """Every host's way through a release: one JSON document on each line, by host."""
        key = ReleaseKey(product, channel, digest)
        await run_in_threadpool(self._reading.release, key)
        self._exports.take()
        return Stream(self._lines(key), "application/x-ndjson", self._exports)

    def events(self, after: Number = 0, limit: Limit = PAGE["most"]) -> EventsAnswer:
        """What all hosts said, in the order of collection, from after a number on."""
        records = self._history.events_after(after, limit)
        following = urlencode({"after": records[-1].number if records else after, "limit": limit})
        return EventsAnswer(
            items=tuple(told_event(record) for record in records), next=f"{PREFIX}/events?{following}"
        )

    async def live(
        self,
        request: Request,
        after: Number | None = None,
        host: Annotated[str | None, Query(pattern=HOST_PATTERN)] = None,
        channel: Annotated[str | None, Query(pattern=_CHANNEL, description="PRODUCT/CHANNEL")] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Stream:
        """What happens from now on, or from after a number on, as server-sent events.

        `event` is one event; `counts` stands for many; `fleet` has the numbers of hosts when they change;
        `gap` says that more happened than is told. The id is the event's number: who comes back with it in
        Last-Event-ID misses nothing.
        """
        if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
            after = min(int(last_event_id[:19]), 2**63 - 1)
        product, _, name = (channel or "").partition("/")
        interest = Interest(host, (product, name) if name else None)
        reader = request.scope.get(READER, Reader())
        stream = self._hub.watch(interest, after, reader.left_s)
        return Stream(stream, "text/event-stream", self._hub.viewers, {"X-Accel-Buffering": "no"})

    async def _lines(self, key: ReleaseKey) -> AsyncGenerator[bytes, None]:
        passages = self._history.passages(key)

        def some() -> bytes:
            lines = (passage(key, one) for one in itertools.islice(passages, _BATCH))
            return b"".join(to_ascii(line.model_dump(mode="json")) + b"\n" for line in lines)

        try:
            while chunk := await run_in_threadpool(some):
                yield chunk
        finally:
            await asyncio.shield(run_in_threadpool(_close, passages))


def _close(passages: Iterator[Passage]) -> None:
    """Give the store its connection back, also where nobody read to the end."""
    close = getattr(passages, "close", None)
    if close is not None:
        close()

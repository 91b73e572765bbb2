from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import BEGIN, NEW, an_update
from tidegate_fleet.web.live.hub import Hub
from tidegate_fleet.web.live.news import SINGLY, Interest, tell
from tidegate_fleet.web.problems import PageError
from tidegate_fleet.web.site import Site
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tidegate_fleet.history import EventRecord

EVERYTHING = Interest()
PATIENCE_S = 20.0


@dataclass
class Said:
    name: str
    content: dict[str, Any]
    number: int | None


def parse(raw: bytes) -> list[Said]:
    """Server-sent events, as a browser reads them."""
    found = []
    for block in raw.decode("ascii").split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.split("\n") if not line.startswith((":", "retry")) and line
        )
        if "event" in fields:
            number = int(fields["id"]) if "id" in fields else None
            found.append(Said(fields["event"], json.loads(fields["data"]), number))
    return found


@dataclass
class Viewer:
    stream: AsyncGenerator[bytes, None]
    heard: list[Said] = field(default_factory=list)
    raw: bytes = b""

    async def until(self, condition: Callable[[Viewer], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self):
                chunk = await anext(self.stream)
                self.raw += chunk
                self.heard += parse(chunk)

    def events(self) -> list[Said]:
        return [one for one in self.heard if one.name != "fleet"]


@asynccontextmanager
async def watching(history: FakeHistory, **site: Any) -> AsyncIterator[Hub]:
    hub = Hub(history, Site(**{"pace_s": 0.01, **site}))
    async with hub.running():
        yield hub


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))


def happen(history: FakeHistory, host: str, step: Step = Step.ACCEPTED, minutes: int = 0) -> None:
    moment = BEGIN + timedelta(minutes=minutes)
    history.take(an_update(host, step, moment), moment)


def some(number: int) -> FakeHistory:
    history = FakeHistory()
    for place in range(number):
        happen(history, f"till-{place}")
    return history


def test_who_watches_hears_what_happens_from_now_on() -> None:
    async def story() -> None:
        history = some(3)
        async with watching(history) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, None))
            await viewer.until(lambda one: any(said.name == "fleet" for said in one.heard))
            happen(history, "till-9")
            await viewer.until(lambda one: bool(one.events()))
            (said,) = viewer.events()
            assert (said.name, said.number, said.content["host"]) == ("event", 4, "till-9")
            assert (said.content["step"], said.content["digest"]) == ("accepted", NEW)

    run(story)


@pytest.mark.parametrize("after", [0, 2, 4])
def test_who_comes_back_misses_nothing_and_hears_nothing_twice(after: int) -> None:
    async def story() -> None:
        history = some(5)
        async with watching(history) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, after))
            await viewer.until(lambda one: len(one.events()) == 5 - after)
            happen(history, "till-9")
            await viewer.until(lambda one: len(one.events()) == 6 - after)
            assert [said.number for said in viewer.events()] == list(range(after + 1, 7))

    run(story)


def test_a_second_viewer_and_one_who_was_away_share_one_look() -> None:
    async def story() -> None:
        history = some(1)
        async with watching(history) as hub:
            first = Viewer(hub.watch(EVERYTHING, 0))
            await first.until(lambda one: len(one.events()) == 1)
            for number in range(5):
                happen(history, f"till-x{number}")
                await first.until(lambda one, number=number: len(one.events()) == number + 2)  # type: ignore[misc] # mypy cannot tell a default's type
            second = Viewer(hub.watch(EVERYTHING, 3))
            await second.until(lambda one: len(one.events()) == 3)
            assert [said.number for said in second.events()] == [4, 5, 6]

    run(story)


def test_much_at_once_is_counted_not_told_one_by_one() -> None:
    async def story() -> None:
        history = some(SINGLY + 30)
        async with watching(history) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, 0))
            await viewer.until(lambda one: bool(one.events()))
            (said,) = viewer.events()
            assert (said.name, said.number) == ("counts", SINGLY + 30)
            assert said.content["steps"] == {"accepted": SINGLY + 30}
            assert said.content["releases"][0]["digest"] == NEW

    run(story)


def test_who_was_away_too_long_is_told_to_look_anew() -> None:
    async def story() -> None:
        history = some(5200)
        async with watching(history) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, 0))
            await viewer.until(lambda one: bool(one.events()))
            assert [(said.name, said.number) for said in viewer.events()] == [("gap", 5200)]

    run(story)


def test_a_number_from_before_the_store_was_made_anew_leads_to_now() -> None:
    async def story() -> None:
        history = some(2)
        async with watching(history) as hub:
            other = Viewer(hub.watch(EVERYTHING, 0))
            await other.until(lambda one: len(one.events()) == 2)
            viewer = Viewer(hub.watch(EVERYTHING, 900))
            await viewer.until(lambda one: bool(one.heard))
            happen(history, "till-9")
            await viewer.until(lambda one: bool(one.events()))
            assert viewer.events()[0].number == 3

    run(story)


def test_only_what_is_of_interest_is_told_and_signs_of_life() -> None:
    async def story() -> None:
        history = some(0)
        async with watching(history, heartbeat_s=0.05) as hub:
            viewer = Viewer(hub.watch(Interest(host="till-2"), 0))
            for number in range(4):
                happen(history, f"till-{number}")
            await viewer.until(lambda one: bool(one.events()) and b": alive" in one.raw)
            assert [said.content["host"] for said in viewer.events()] == ["till-2"]

    run(story)


def test_as_many_may_watch_as_there_are_places() -> None:
    async def story() -> None:
        async with watching(some(1), most_viewers=2) as hub:
            hub.watch(EVERYTHING, None)
            hub.watch(EVERYTHING, None)
            with pytest.raises(PageError) as caught:
                hub.watch(EVERYTHING, None)
            assert (caught.value.code, caught.value.retry_after) == (Code.PAGE_BUSY, 10)
            with hub.viewers.freed():
                pass
            hub.watch(EVERYTHING, None)

    run(story)


def test_at_the_end_everybody_is_let_go_at_once() -> None:
    async def story() -> None:
        async with watching(some(1), heartbeat_s=3600) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, None))
            await viewer.until(lambda one: bool(one.heard))
            waiting = asyncio.ensure_future(anext(viewer.stream, None))
            await asyncio.sleep(0)
            await hub.close()
            assert await waiting is None

    run(story)


class _Sometimes(FakeHistory):
    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.broken = False
        self.refused = threading.Event()
        self._fault = fault

    def events_after(self, number: int, limit: int = 500) -> tuple[EventRecord, ...]:
        if self.broken:
            self.refused.set()
            raise self._fault
        return super().events_after(number, limit)


@pytest.mark.parametrize(
    "fault",
    [TidegateError(Code.STORE_UNREACHABLE, "the database does not answer"), RuntimeError("a mistake")],
)
def test_a_store_that_fails_for_a_while_ends_no_view(fault: Exception) -> None:
    async def story() -> None:
        history = _Sometimes(fault)
        happen(history, "till-1")
        async with watching(history) as hub:
            viewer = Viewer(hub.watch(EVERYTHING, 0))
            await viewer.until(lambda one: len(one.events()) == 1)
            history.broken = True
            happen(history, "till-2")
            assert await asyncio.to_thread(history.refused.wait, PATIENCE_S)
            history.broken = False
            await viewer.until(lambda one: len(one.events()) == 2)
            happen(history, "till-3")
            await viewer.until(lambda one: len(one.events()) == 3)

    run(story)


class _Slow(FakeHistory):
    """One who comes back reads slowly: meanwhile more happens, and is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.go_on = threading.Event(), threading.Event()

    def events_after(self, number: int, limit: int = 500) -> tuple[EventRecord, ...]:
        found = super().events_after(number, limit)
        if number == 2 and not self.reading.is_set():
            self.reading.set()
            self.go_on.wait(PATIENCE_S)
        return found


def test_what_happens_while_one_who_comes_back_reads_is_told_to_him() -> None:
    async def story() -> None:
        history = _Slow()
        for number in range(5):
            happen(history, f"till-{number}")
        async with watching(history) as hub:
            other = Viewer(hub.watch(EVERYTHING, 5))
            await other.until(lambda one: any(said.name == "fleet" for said in one.heard))
            viewer = Viewer(hub.watch(EVERYTHING, 2))
            back = asyncio.ensure_future(viewer.until(lambda one: len(one.events()) == 5))
            assert await asyncio.to_thread(history.reading.wait, PATIENCE_S)
            happen(history, "till-x")
            happen(history, "till-y")
            await other.until(lambda one: len(one.events()) == 2)
            history.go_on.set()
            await back
            assert [said.number for said in viewer.events()] == [3, 4, 5, 6, 7]

    run(story)


def test_whatever_a_host_says_stays_inside_its_message() -> None:
    history = FakeHistory()
    hostile = "\n\nevent: gap\ndata: {}\n\n\u2028\x1b[31m"
    history.take(an_update("till-1", Step.FAILED, BEGIN, reason=hostile, code=Code.DISK_FULL), BEGIN)
    (said,) = parse(tell(history.events, 1, EVERYTHING))
    assert said.name == "event"
    assert said.content["reason"].isprintable()

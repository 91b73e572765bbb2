"""The full screen under a pilot's hand, without a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from textual.pilot import Pilot

from tests.support.fleets import at, said
from tests.support.watched import CANARY, CHANNEL, a_fleet, announced, hosts_in, passage, stored, take
from tidegate_fleet.watch.ending import Ending, Goal
from tidegate_fleet.watch.inbox import ConnectionSeen, Inbox
from tidegate_fleet.watch.model import Watched
from tidegate_fleet.watch.ports import Action, Preparation
from tidegate_fleet.watch.screen.app import WatchApp
from tidegate_fleet.watch.screen.dialogs import Dialog
from tidegate_fleet.watch.screen.pages import HostPage, HostsPage, OverviewPage, Page
from tidegate_fleet.watch.screen.row_list import RowList
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step
from tidegate_schemas.rollout import RolloutState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

SMALL, LARGE = (80, 24), (200, 60)


@dataclass
class FakeSteering:
    """ports.Steering that remembers; `missing` is raised by prepare, `fault` by steer."""

    missing: TidegateError | None = None
    fault: Exception | None = None
    needs_terminal: bool = False
    orders: list[tuple[Action, int]] = field(default_factory=list)

    def prepare(self) -> Preparation:
        """See ports.Steering.prepare."""
        if self.missing is not None:
            raise self.missing
        return Preparation("the key release.key", self.needs_terminal)

    def steer(self, action: Action, sequence: int) -> str:
        """See ports.Steering.steer."""
        if self.fault is not None:
            raise self.fault
        self.orders.append((action, sequence))
        return f"done as #{sequence + 1}"


class Telling(WatchApp):
    """One that remembers what it told in passing."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.told: list[str] = []

    def notify(self, message: str, **named: Any) -> None:
        """See textual."""
        self.told.append(message)
        super().notify(message, **named)


@dataclass
class Bridge:
    """A running app, and what a person does with it."""

    app: Telling
    pilot: Pilot[None]
    inbox: Inbox

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"timed out waiting until {what}: {self.shown()}"
            await self.pilot.pause(0.02)

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they cause happen."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def dialog(self) -> Dialog:
        """The dialog that comes up."""
        await self.until(lambda: isinstance(self.app.screen, Dialog), "there is a dialog")
        assert isinstance(self.app.screen, Dialog)
        return self.app.screen

    def shown(self) -> str:
        """All rows that are in sight on the page."""
        lists = self.app.screen.query(RowList)
        return "\n".join(one.render_line(y).text.rstrip() for one in lists for y in range(one.size.height))


def played(
    script: Callable[[Bridge], Awaitable[None]],
    watched: Watched | None = None,
    steering: FakeSteering | None = None,
    size: tuple[int, int] = SMALL,
    *,
    make: type[Telling] = Telling,
    ends: bool = False,
    duration: timedelta | None = None,
    now: Callable[[], datetime] = lambda: at(60),
) -> WatchApp:
    """Run the app under a script, to its end."""

    async def play() -> WatchApp:
        inbox = Inbox()
        seen = watched or a_fleet()
        seen.goal = Goal(ends=ends)
        app = make(seen, inbox, steering or FakeSteering(), now, duration=duration)
        async with app.run_test(size=size) as pilot:
            bridge = Bridge(app, pilot, inbox)
            if not ends and duration is None:
                await bridge.until(lambda: isinstance(app.screen, OverviewPage), "there is a page")
                await bridge.until(lambda: "known" in bridge.shown(), "the page is drawn")
            await script(bridge)
        return app

    return asyncio.run(play())


def test_the_first_page_fits_a_small_terminal() -> None:
    async def script(bridge: Bridge) -> None:
        lines = bridge.shown().splitlines()
        assert lines[0].startswith(" os/stable  1.0  sha256:aaaaaaaaaaaa  #1  ACTIVE")
        assert lines[4].startswith("▶  canary     open")
        assert " NEWEST EVENTS" in lines
        assert all(len(line) <= 80 for line in lines)

    played(script)


def test_one_goes_down_to_a_host_and_back_up() -> None:
    async def script(bridge: Bridge) -> None:
        await bridge.press("enter")
        assert isinstance(bridge.app.screen, HostsPage)
        names = hosts_in(CANARY, 5)
        assert "os/stable  wave canary  5 hosts" in bridge.shown()
        assert "5 hosts in it, open: 1 activating, 3 succeeded, 1 failed, 1 silent" in bridge.shown()
        await bridge.press("down", "enter")
        assert isinstance(bridge.app.screen, HostPage)
        assert bridge.shown().startswith(f" {sorted(names)[1]}  online")
        await bridge.press("escape", "left")
        assert isinstance(bridge.app.screen, OverviewPage)
        await bridge.press("escape")
        assert isinstance(bridge.app.screen, OverviewPage)

    played(script)


def test_states_failures_and_silent_hosts_lead_to_their_hosts() -> None:
    async def script(bridge: Bridge) -> None:
        body = bridge.app.screen.query_one("#body", RowList)
        seen = []
        for _ in range(13):
            assert body.chosen is not None
            seen.append(body.chosen.key)
            await bridge.press("down")
        assert seen[3] == "phase succeeded"
        assert seen[10:] == ["failure health.failed", "silent", f"silent {hosts_in(CANARY, 5)[4]}"]
        await bridge.press("up", "enter")
        assert "os/stable  silent  1 host" in bridge.shown()
        await bridge.press("escape", "up", "enter")
        assert "os/stable  failed: health.failed  1 host" in bridge.shown()
        await bridge.press("escape", "home", "end", "pageup", "pagedown", "home", "tab", "enter")
        assert isinstance(bridge.app.screen, HostPage)
        assert "staging 40 %" in bridge.shown()

    played(script)


def test_lists_are_narrowed_by_state_wave_and_name() -> None:
    async def script(bridge: Bridge) -> None:
        await bridge.press("slash", *"edge-1")
        assert "with 'edge-1' in the name  6 hosts" in bridge.shown()
        await bridge.press("enter", "down")
        assert "▶  edge-11 " in bridge.shown()
        await bridge.press("p")
        assert "os/stable  pending, with 'edge-1' in the name" in bridge.shown()
        await bridge.press("escape", "w")
        assert "os/stable  pending, wave canary" in bridge.shown()
        await bridge.press("slash", "q")
        assert "with 'q' in the name  0 hosts" in bridge.shown()
        await bridge.press("escape", "escape")
        assert isinstance(bridge.app.screen, OverviewPage)

    played(script)


def test_a_hold_is_asked_about_and_signed_for_what_was_seen() -> None:
    steering = FakeSteering()

    async def script(bridge: Bridge) -> None:
        await bridge.press("h")
        dialog = await bridge.dialog()
        assert dialog.heading == "Hold this release?"
        assert "os/stable 1.0, sha256:aaaaaaaaaaaa, #1" in dialog.text
        assert "Signs: the key release.key" in dialog.text
        await bridge.press("enter", "h", "n")
        assert isinstance(bridge.app.screen, OverviewPage)
        await bridge.press("h")
        await bridge.dialog()
        await bridge.press("y")
        await bridge.until(lambda: bool(steering.orders), "it is held")
        await bridge.until(lambda: "done as #2" in bridge.app.told, "the outcome is told")

    app = played(script, steering=steering)
    assert (steering.orders, app.fault) == ([(Action.HOLD, 1)], None)


def test_what_went_wrong_is_explained_and_the_view_goes_on() -> None:
    fault = TidegateError(Code.ANNOUNCE_CONFLICT, "The channel stands at sequence 2")
    held = take(a_fleet(), [announced(2, state=RolloutState.HELD)], at(60))
    steering = FakeSteering(fault=fault)

    async def script(bridge: Bridge) -> None:
        await bridge.press("r")
        await bridge.dialog()
        await bridge.press("y")
        await bridge.until(
            lambda: isinstance(bridge.app.screen, Dialog) and bridge.app.screen.heading == "Could not resume",
            "the fault is told",
        )
        assert "The channel stands at sequence 2\n[announce.conflict]" in (await bridge.dialog()).text
        assert fault.remedy in (await bridge.dialog()).text
        await bridge.press("escape")
        steering.fault = RuntimeError("boom")
        await bridge.press("r")
        await bridge.dialog()
        await bridge.press("y")
        await bridge.until(
            lambda: isinstance(bridge.app.screen, Dialog) and bridge.app.screen.heading == "Could not resume",
            "the fault is told",
        )
        assert "RuntimeError: boom" in (await bridge.dialog()).text
        await bridge.press("escape")
        assert isinstance(bridge.app.screen, OverviewPage)

    played(script, held, steering)


def test_who_cannot_sign_is_told_how() -> None:
    missing = TidegateError(Code.IDENTITY_UNAVAILABLE, "There is no identity to sign with")

    async def script(bridge: Bridge) -> None:
        await bridge.press("h")
        dialog = await bridge.dialog()
        assert (dialog.heading, dialog.asks) == ("Could not hold", False)
        assert missing.remedy in dialog.text
        await bridge.press("y")
        assert isinstance(bridge.app.screen, Dialog)
        await bridge.press("enter")
        assert isinstance(bridge.app.screen, OverviewPage)

    steering = FakeSteering(missing=missing)
    played(script, steering=steering)
    assert steering.orders == []


@pytest.mark.parametrize(
    ("state", "key", "told"),
    [
        (RolloutState.HELD, "h", "The release is held already."),
        (RolloutState.ACTIVE, "r", "The release is not held."),
        (RolloutState.REVOKED, "h", "The release is revoked, which is final."),
        (None, "h", "Nothing is announced"),
    ],
)
def test_what_would_be_pointless_is_not_asked(state: RolloutState | None, key: str, told: str) -> None:
    words = [ConnectionSeen()] if state is None else [ConnectionSeen(), announced(state=state)]
    watched = take(Watched(CHANNEL), words, at(0))

    async def script(bridge: Bridge) -> None:
        await bridge.press(key)
        assert told in (await bridge.dialog()).text

    played(script, watched)


def test_who_has_to_sign_in_does_so_on_the_bare_terminal() -> None:
    stepped: list[str] = []
    steering = FakeSteering(needs_terminal=True)

    class Suspending(Telling):
        @contextlib.contextmanager
        def suspend(self) -> Iterator[None]:
            stepped.append("aside")
            yield
            stepped.append("back")

    async def script(bridge: Bridge) -> None:
        await bridge.press("h")
        assert "You will be asked." in (await bridge.dialog()).text
        await bridge.press("y")
        await bridge.until(lambda: stepped == ["aside", "back"], "the view stepped aside")

    played(script, steering=steering, make=Suspending)
    assert steering.orders == [(Action.HOLD, 1)]


def test_a_large_terminal_shows_more_side_by_side() -> None:
    async def script(bridge: Bridge) -> None:
        events = bridge.app.screen.query_one("#events", RowList)
        assert events.region.y > 10
        await bridge.pilot.resize_terminal(*LARGE)
        await bridge.until(lambda: "wide" in bridge.app.screen.classes, "it is wide")
        await bridge.until(lambda: "first 10 %" in bridge.shown(), "it has more columns")
        assert events.region.x > 100
        assert events.region.height > 40
        await bridge.pilot.resize_terminal(*SMALL)
        await bridge.until(lambda: events.region.x == 0, "it is narrow again")

    played(script)


@pytest.mark.parametrize("page", [OverviewPage, HostsPage, HostPage])
def test_the_keys_fit_a_small_terminal(page: type[Page]) -> None:
    # The line has a margin of one column on either side.
    assert len(page.KEYS) <= 78


def test_help_fits_a_small_terminal() -> None:
    async def script(bridge: Bridge) -> None:
        await bridge.press("question_mark")
        dialog = await bridge.dialog()
        assert dialog.query_one("#dialog").max_scroll_y == 0
        assert "hold the release" in dialog.text
        await bridge.press("escape")

    played(script)


def test_what_is_heard_is_seen_and_another_release_is_announced() -> None:
    async def script(bridge: Bridge) -> None:
        bridge.inbox.put(said("edge-6", Step.FAILED, 60, code=Code.DISK_FULL, reason="[bold]no[/] room"))
        await bridge.until(lambda: "[disk.full] [bold]no[/] room" in bridge.shown(), "the event is shown")
        bridge.inbox.put(announced(2, letter="b"))
        await bridge.until(lambda: "2.0  sha256:bbbbbbbbbbbb  #2" in bridge.shown(), "it switched")
        notice = "! another release since 12:01:00Z: 2.0 in place of 1.0"
        await bridge.until(lambda: notice in bridge.shown(), "the header has grown by a line")
        assert bridge.app.told == ["2.0, #2"]

    played(script)


def test_no_colour_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str] = []

    async def script(bridge: Bridge) -> None:
        pages.append(bridge.shown())

    played(script)
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    played(script)
    assert pages[0] == pages[1]


async def _nothing(_: Bridge) -> None:
    """Watch."""


@pytest.mark.parametrize(("end", "how"), [(Step.SUCCEEDED, Ending.DONE), (Step.FAILED, Ending.FAILED)])
def test_it_leaves_by_itself_when_the_release_is_done(end: Step, how: Ending) -> None:
    watched = take(Watched(CHANNEL), [ConnectionSeen(), announced(), *stored("edge-1")], at(0))
    take(watched, passage("edge-1", 1, end), at(9))

    async def script(bridge: Bridge) -> None:
        await bridge.until(lambda: bridge.app.how is not None, "it is done")

    app = played(script, watched, ends=True)
    assert (app.how, app.left) == (how, False)


def test_it_leaves_when_its_time_is_up() -> None:
    async def script(bridge: Bridge) -> None:
        await bridge.until(lambda: bridge.app.picture is not None, "it was shown")

    app = played(script, duration=timedelta(seconds=0.1))
    assert (app.how, app.left, app.signal) == (None, False, None)


def test_keys_end_it() -> None:
    async def quits(bridge: Bridge) -> None:
        await bridge.press("q")

    async def interrupts(bridge: Bridge) -> None:
        await bridge.press("slash", "ctrl+c")

    assert played(quits).left
    assert played(interrupts).signal == signal.SIGINT


def test_a_connection_that_never_stood_and_a_fault_of_its_own_end_it() -> None:
    lost = TidegateError(Code.BUS_REFUSED, "who are you")

    async def refused(bridge: Bridge) -> None:
        bridge.inbox.put(ConnectionSeen(lost, final=True))
        await bridge.until(lambda: bridge.app.fault is not None, "it is over")

    assert played(refused).fault is lost

    class Broken(Watched):
        def picture(self, now: datetime) -> None:  # type: ignore[override]
            raise ZeroDivisionError(str(now))

    async def breaks(bridge: Bridge) -> None:
        await bridge.until(lambda: bridge.app.fault is not None, "it is over")

    fault = played(breaks, Broken(CHANNEL), ends=True).fault
    assert fault is not None
    assert (fault.code, fault.reason.split(":")[0]) == (Code.INTERNAL_ERROR, "ZeroDivisionError")

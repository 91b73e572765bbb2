"""Asks a page without a socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import NOW, Story
from tidegate_fleet.web.app import create_app
from tidegate_fleet.web.doors.open_door import OpenDoor
from tidegate_fleet.web.guard import Guard
from tidegate_fleet.web.site import Site

if TYPE_CHECKING:
    from tidegate_fleet.history import History
    from tidegate_fleet.web.doors.door import Door


def a_history(hosts: int = 60) -> FakeHistory:
    """A history with a fleet in the middle of a rollout."""
    history = FakeHistory()
    for word, heard in Story(hosts).tell():
        history.take(word, heard)
    return history


def a_page(history: History | None = None, login: Door | None = None, **site: Any) -> Asking:
    """A page, as somebody on this machine asks it."""
    settings = Site(**{"now": lambda: NOW, **site})
    return Asking(
        create_app(a_history() if history is None else history, login=login or OpenDoor(), site=settings)
    )


@dataclass
class Asking:
    """Asks one application.

    Attributes:
        app: which one.
        peer: the address that the requests come from.
        name: the name in their Host header.
    """

    app: Guard
    peer: str = "127.0.0.1"
    name: str = "127.0.0.1:8080"

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, **more)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any request; redirects are not followed."""
        return asyncio.run(self._ask(method, path, more))

    async def _ask(self, method: str, path: str, more: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(self.peer, 40000))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{self.name}") as client:
            return await client.request(method, path, **more)

"""Responses of unknown length: each piece leaves when it is there, and a reader who is gone holds nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from fastapi.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive, Scope, Send

    from tidegate_fleet.web.slots import Slots

HEAD: Final = "tidegate.head"
"""The key of the scope that says that only headers are asked for."""

_PATIENCE_S: Final = 30.0


class Stream(Response):
    """Sends what a generator yields, and closes it, however the response ends.

    Args:
        chunks: the body.
        media_type: what it is.
        slots: has a place for it, which is free again at its end.
        headers: further headers.
        patience_s: seconds that a reader may leave a piece lying; then the connection is given up.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        media_type: str,
        slots: Slots,
        headers: Mapping[str, str] | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._chunks = chunks
        self._slots = slots
        self._patience_s = patience_s
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it (ASGI)."""
        with self._slots.freed():
            await self._respond(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._chunks):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if not scope.get(HEAD):
                await self._until_gone(receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _until_gone(self, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            ends = await asyncio.gather(sending, leaving, return_exceptions=True)
        if isinstance(ends[0], Exception) and not isinstance(ends[0], TimeoutError | OSError):
            raise ends[0]

    async def _send(self, send: Send) -> None:
        async for chunk in self._chunks:
            async with asyncio.timeout(self._patience_s):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

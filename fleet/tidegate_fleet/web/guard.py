"""What stands in front of everything: which names, which methods, who may read, the headers of answers.

In the order of the checks: the name that the request is for, its method, its login. Whatever fails below ends
here as a response.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi.responses import RedirectResponse
from loguru import logger
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp

from tidegate_fleet.harmless import harmless
from tidegate_fleet.web.doors.door import READER, Caller, Door, Reader
from tidegate_fleet.web.problems import PageError, problem_response
from tidegate_fleet.web.streaming import HEAD
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

OPEN: Final = re.compile(r"/healthz|/login|/static/[^/]*")
"""What needs no login: nothing of the fleet is there."""

FOR_PROGRAMS: Final = ("/api/", "/metrics")
"""What programs ask for: one without a login is told so, and not sent to a form."""

POSTED: Final = frozenset({"/login", "/logout"})
"""The only addresses that take POST: they begin and end a session, and change nothing else."""

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Guard:
    """An ASGI application around another one.

    Attributes:
        app: what is guarded.
        door: who may read.
        names: the names under which it may be asked for; addresses and `localhost` need not be among them.
        close: lets those go who watch live, so that a server can end.
    """

    app: ASGIApp
    door: Door
    names: frozenset[str]
    close: Callable[[], Coroutine[Any, Any, None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            reply = _Reply(send, only_headers=scope["method"] == "HEAD")
            await self._answer(scope, receive, reply)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _answer(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        try:
            await self._admit(scope, receive, reply)
        except PageError as error:
            await self._refuse(error, scope, receive, reply)
        except Exception as error:  # a reader never sees a traceback
            logger.opt(exception=error).error("the page failed to answer {}", harmless(scope["path"], 200))
            if reply.ended:
                return
            if reply.begun:
                # Only a connection that breaks off tells the reader that what he has is not all.
                raise
            fault = PageError(Code.INTERNAL_ERROR, "a fault of tidegate's own; its log has more")
            await problem_response(fault)(scope, receive, reply)

    async def _admit(self, scope: Scope, receive: Receive, reply: _Reply) -> None:
        caller = caller_of(scope)
        if not _is_for(caller, self.names):
            raise PageError(Code.PAGE_NAME, "the Host header has none of the names that this page goes by")
        method, path = scope["method"], scope["path"]
        posts = method == "POST" and self.door.has_form and path in POSTED
        if method not in {"GET", "HEAD"} and not posts:
            raise PageError(Code.PAGE_METHOD, f"{method[:20]} is not possible here: this only tells")
        reader = Reader() if OPEN.fullmatch(path) else self.door.reader(caller)
        inner = {**scope, READER: reader, HEAD: method == "HEAD", "method": "POST" if posts else "GET"}
        await self.app(inner, receive, reply)

    async def _refuse(self, error: PageError, scope: Scope, receive: Receive, reply: _Reply) -> None:
        asks_for_page = not scope["path"].startswith(FOR_PROGRAMS) and scope["method"] in {"GET", "HEAD"}
        if error.code is Code.PAGE_LOGIN and self.door.has_form and asks_for_page:
            where = quote(scope["path"]) + (
                f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            )
            await RedirectResponse(f"/login?next={quote(where[:1000], safe='')}", 303)(scope, receive, reply)
        else:
            await problem_response(error)(scope, receive, reply)


class _Reply:
    """Sends, with the headers that every answer has; to HEAD without a body."""

    def __init__(self, send: Send, *, only_headers: bool) -> None:
        self._send = send
        self._only_headers = only_headers
        self.begun = self.ended = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(raw=list(message["headers"]))
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
            message = {**message, "headers": headers.raw}
        elif self._only_headers:
            message = {**message, "body": b""}
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)


def caller_of(scope: Scope) -> Caller:
    """A request as doors see it."""
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        headers[key] = (*headers.get(key, ()), value.decode("latin-1"))
    client = scope.get("client")
    return Caller(client[0] if client and client[0] else None, headers)


def _is_for(caller: Caller, names: frozenset[str]) -> bool:
    """Whether a page of another site cannot have brought this request about by a name that it rebinds.

    A rebound name is still that name in the Host header; an address in its place cannot be rebound.
    """
    match = _HOST.fullmatch(caller.only("host") or "")
    if match is None:
        return False
    name = match[1].lower().rstrip(".")
    return name in names or name == "localhost" or _is_address(name.strip("[]"))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

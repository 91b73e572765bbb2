"""Login by one token that all readers share: a Bearer header for programs, a form and a cookie for people."""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import stat
import time
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

from tidegate_fleet.web.doors.attempts import Attempts
from tidegate_fleet.web.doors.door import Reader
from tidegate_fleet.web.doors.session import LASTS, Sessions
from tidegate_fleet.web.problems import PageError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_fleet.web.doors.door import Caller

_SHORTEST: Final = 32
_LONGEST: Final = 1024
_COOKIE: Final = "tidegate"


class TokenDoor:
    """Lets those in who know the token.

    Args:
        token: at least 32 visible ASCII characters.
        attempts: who has failed how often; None: counted by the machine's clock.
        clock: seconds since 1970, by which sessions end.

    Raises:
        TidegateError: PAGE_UNSAFE, the token is too short or has other characters.
    """

    has_form = True

    def __init__(
        self, token: str, attempts: Attempts | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        if not _SHORTEST <= len(token) <= _LONGEST or not all("!" <= letter <= "~" for letter in token):
            raise TidegateError(
                Code.PAGE_UNSAFE, f"the token is not {_SHORTEST} to {_LONGEST} visible ASCII characters"
            )
        self._digest = hashlib.sha256(token.encode()).digest()
        self._sessions = Sessions(token.encode(), clock)
        self._attempts = attempts or Attempts(time.monotonic)

    def reader(self, caller: Caller) -> Reader:
        """See Door.reader. A cookie is no guess, so no number of failures of others keeps it out."""
        left_s = max(map(self._sessions.left_s, _cookies(caller)), default=0.0)
        if left_s > 0:
            return Reader(leaves=True, left_s=left_s)
        scheme, _, token = (caller.only("authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise PageError(Code.PAGE_LOGIN, "a Bearer token is needed, or a login in a browser")
        self._try(caller, token.strip())
        return Reader()

    def enter(self, caller: Caller, token: str, *, secure: bool) -> str:
        """The Set-Cookie header for somebody who gave the token in the form.

        Raises:
            PageError: PAGE_LOGIN, it is another one; PAGE_ATTEMPTS, it was tried too often.
        """
        self._try(caller, token.strip())
        seconds = int(LASTS.total_seconds())
        return _set_cookie(self._sessions.begin(), seconds, secure=secure)

    def leave(self, *, secure: bool) -> str:
        """The Set-Cookie header that ends a browser's session."""
        return _set_cookie("", 0, secure=secure)

    def _try(self, caller: Caller, token: str) -> None:
        given = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        if hmac.compare_digest(given, self._digest):
            # However many others behind the same address have guessed: nobody guesses 32 characters.
            return
        peer = caller.peer or ""
        wait = self._attempts.wait_s(peer)
        if wait > 0:
            reason = "too many wrong tokens came from this address"
            raise PageError(Code.PAGE_ATTEMPTS, reason, retry_after=math.ceil(wait))
        self._attempts.failed(peer)
        raise PageError(Code.PAGE_LOGIN, "that is not the token")


def read_token(path: Path) -> str:
    """The token out of its file: one line, which others than owner and group cannot read.

    Raises:
        TidegateError: PAGE_UNSAFE, the file cannot be read, or others may read or change it.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(_LONGEST + 2)
    except OSError as error:
        raise TidegateError(Code.PAGE_UNSAFE, f"the token file {path}: {error.strerror}") from error
    if mode & 0o037:
        reason = f"others may read the token file {path} (mode {mode:04o}), or change it: chmod 600 {path}"
        raise TidegateError(Code.PAGE_UNSAFE, reason)
    return content.decode("ascii", "replace").strip()


def _cookies(caller: Caller) -> list[str]:
    found = []
    for header in caller.headers.get("cookie", ()):
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(header)
        except CookieError:
            continue
        found += [cookies[name].value for name in (_COOKIE, f"__Host-{_COOKIE}") if name in cookies]
    return found


def _set_cookie(value: str, seconds: int, *, secure: bool) -> str:
    # RFC 6265bis, section 4.1.3.2: a name with __Host- can be set by no other host, and not without TLS.
    name, more = (f"__Host-{_COOKIE}", "; Secure") if secure else (_COOKIE, "")
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{more}"

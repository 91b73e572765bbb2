"""The cookie of a browser that has shown the token: signed, so that nothing has to be kept here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LASTS: Final = timedelta(hours=12)
_LONGEST: Final = 200


class Sessions:
    """Makes and checks the values of cookies. Another token, and none of them counts any more.

    Args:
        token: the secret that the page was started with.
        clock: seconds since 1970.
    """

    def __init__(self, token: bytes, clock: Callable[[], float]) -> None:
        self._key = hmac.digest(token, b"tidegate page session v1", hashlib.sha256)
        self._clock = clock

    def begin(self) -> str:
        """A new value; it counts for LASTS."""
        ends = int(self._clock() + LASTS.total_seconds())
        said = f"{ends}.{secrets.token_urlsafe(12)}"
        return f"{said}.{self._seal(said)}"

    def left_s(self, value: str) -> float:
        """For how many seconds a value counts still; none of what was not made here, with this token."""
        said, _, seal = value.rpartition(".")
        if len(value) > _LONGEST or not value.isascii() or not hmac.compare_digest(seal, self._seal(said)):
            return 0.0
        return max(0.0, int(said.partition(".")[0]) - self._clock())

    def _seal(self, said: str) -> str:
        digest = hmac.digest(self._key, said.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

"""Answers whose headers came to their end.

http.client takes the end of the connection for the end of the headers. A cut could so pass for an answer
without a Content-Range, or with another Content-Length, and the server for one that lies; what was fetched
would be thrown away. An answer whose headers no empty line ends is incomplete: RFC 9112, section 8.
"""

from __future__ import annotations

import http.client
from typing import IO, Any, cast

_EMPTY_LINES = (b"\r\n", b"\n")


class _Lines:
    """A stream that remembers the last line that was read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.last = b""

    def readline(self, size: int = -1, /) -> bytes:
        self.last = self.stream.readline(size)
        return self.last

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self.stream, name)


class WholeHeaders(http.client.HTTPResponse):
    """http.client's answer; `begin` also raises RemoteDisconnected for headers that break off."""

    fp: Any

    def begin(self) -> None:
        """Read status line and headers."""
        lines = _Lines(cast("IO[bytes]", self.fp))
        self.fp = lines
        super().begin()
        if lines.last not in _EMPTY_LINES:
            self.close()
            raise http.client.RemoteDisconnected("the connection ended within the headers of the answer")
        if self.fp is lines:
            self.fp = lines.stream

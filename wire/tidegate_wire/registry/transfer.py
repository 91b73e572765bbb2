"""The bytes of one blob, over as many connections and servers as it takes."""

from __future__ import annotations

import contextlib
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.body import declared_length, read_paced
from tidegate_wire.registry.failover import first_answer
from tidegate_wire.registry.pacing import TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urllib3 import BaseHTTPResponse

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.session import EndpointSession

_GETTING_ON = 1024 * 1024  # so many bytes since the last break show that trying again is worth it
_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


class BlobTransfer:
    """Yields a blob from an offset to its end; an interruption is followed by a request for the rest.

    Args:
        sessions: servers, in the order to ask.
        blob: what is fetched.
        offset: first byte that is wanted.
        pacing: limits, and how to wait.

    Attributes:
        position: the next byte.
        server: the one that answers at the moment.
    """

    def __init__(
        self, sessions: Sequence[EndpointSession], blob: Descriptor, offset: int, pacing: Pacing
    ) -> None:
        self._sessions = list(sessions)
        self._blob = blob
        self._pacing = pacing
        self._connection = contextlib.ExitStack()
        self._breaks = 0
        self._broke_at = offset
        self.position = offset
        self.server = self._sessions[0]

    def connect(self) -> BaseHTTPResponse:
        """Ask for the bytes from `position` on.

        Raises:
            TidegateError: see failover.first_answer.
        """
        self.close()
        return first_answer(self._sessions, self._ask, self._pacing, f"the blob {self._blob.digest}")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """All bytes from `position` to the end of the blob, and not one more.

        Args:
            response: what `connect` gave.

        Raises:
            TidegateError: IMAGE_UNREACHABLE when it breaks off too often; and see failover.first_answer.
        """
        while self.position < self._blob.size:
            try:
                yield from self._from_one(response)
            except TransientError as error:
                self._count_break(error)
                response = self.connect()

    def _ask(self, session: EndpointSession) -> BaseHTTPResponse:
        headers = {"Range": f"bytes={self.position}-{self._blob.size - 1}"} if self.position else {}
        with contextlib.ExitStack() as stack:
            response = stack.enter_context(session.get(f"blobs/{self._blob.digest}", headers))
            self._check(response, session)
            self._connection = stack.pop_all()
        self.server = session
        return response

    def _check(self, response: BaseHTTPResponse, session: EndpointSession) -> None:
        """Refuse an answer that cannot be this blob, before its bytes are taken (RFC 9110, section 14.4)."""
        size = self._blob.size
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            fits = found is not None and int(found[1]) == self.position and found[3] in ("*", str(size))
        else:
            fits = declared_length(response) in (None, size)
        if not fits:
            raise TidegateError(
                Code.IMAGE_DIGEST_MISMATCH,
                f"{session.endpoint} offers other bytes for {self._blob.digest} than its descriptor says",
            )

    def _from_one(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        skip = 0 if response.status == HTTPStatus.PARTIAL_CONTENT else self.position
        for received in read_paced(response, self._pacing):
            chunk = received[skip : skip + self._blob.size - self.position]
            skip -= min(skip, len(received))
            if chunk:
                self.position += len(chunk)
                yield chunk
            if self.position >= self._blob.size:
                return
        raise TransientError(f"{self.server.endpoint} ended the transfer at byte {self.position}")

    def _count_break(self, error: TransientError) -> None:
        self._breaks = 1 if self.position - self._broke_at >= _GETTING_ON else self._breaks + 1
        self._broke_at = self.position
        if self._breaks >= self._pacing.limits.attempts:
            raise TidegateError(
                Code.IMAGE_UNREACHABLE,
                f"{self.server.endpoint} breaks off at byte {self.position} of the {self._blob.size} of blob "
                f"{self._blob.digest}: {error.reason}",
            ) from error
        self._sessions.remove(self.server)
        self._sessions.append(self.server)
        self._pacing.pause(self._breaks, error.retry_after)

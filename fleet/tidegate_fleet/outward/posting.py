"""One request over HTTP, with all its bounds. No redirect is followed, no proxy taken from the environment.

The address is the operator's own word: whatever it names is connected to, from wherever the collector runs.
"""

from __future__ import annotations

import ipaddress
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import urllib3

from tidegate_fleet.outward.targets import AwayError, UnwantedError
from tidegate_schemas import __version__
from tidegate_schemas.codes import Code, TidegateError

CONNECT_S: Final = 5.0
READ_S: Final = 15.0
"""How long each piece of an answer may take; the whole of it, twice as long."""

ANSWER_BYTES: Final = 16 * 1024
"""What is read of an answer."""

_UNWANTED: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_HEADER_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go.

    Attributes:
        url: of the target; https, or http on loopback.
        ca: PEM of the authorities to believe in place of the system's.
        headers: more headers of each request, such as Authorization.
    """

    url: str
    ca: Path | None = None
    headers: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        require_url(self.url)

    @property
    def label(self) -> str:
        """Where that is, for messages: path and query of many receivers are their secrets."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


class Poster:
    """Posts to one address, over one connection that is kept.

    Args:
        address: where to.
        read_s: see READ_S.
    """

    def __init__(self, address: Address, read_s: float = READ_S) -> None:
        self._address = address
        self._read_s = read_s
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=read_s),
            retries=False,
            ca_certs=None if address.ca is None else str(address.ca),
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        """Send a body, and return what is answered.

        Raises:
            AwayError: nobody answers, or not for now.
            UnwantedError: the target does not want exactly this.
        """
        fixed = {"User-Agent": f"tidegate/{__version__}", **(self._address.headers or {})}
        try:
            answer = self._pool.request(
                "POST",
                self._address.url,
                body=body,
                headers={**fixed, **headers},
                redirect=False,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise AwayError(f"{self._address.label} cannot be reached: {_words(error)}") from error
        try:
            content = self._read(answer)
        except urllib3.exceptions.HTTPError as error:
            raise AwayError(f"{self._address.label} broke its answer off: {_words(error)}") from error
        finally:
            answer.release_conn()
        self._judge(answer.status, answer.headers.get("Retry-After"))
        return content

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _read(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        content, deadline = b"", time.monotonic() + 2 * self._read_s
        while len(content) <= ANSWER_BYTES and time.monotonic() < deadline:
            if not (part := answer.read1(ANSWER_BYTES)):
                return content
            content += part
        # More than anybody has to say: this connection is not used again.
        answer.close()
        return content[:ANSWER_BYTES]

    def _judge(self, status: int, retry_after: str | None) -> None:
        said = f"{self._address.label} answers {status}"
        if status in range(200, 300):
            return
        if status in range(300, 400):
            raise AwayError(f"{said}: redirects are not followed; name the address that it leads to")
        if status in _UNWANTED:
            raise UnwantedError(said)
        raise AwayError(said, None if retry_after is None else pause_of(retry_after, datetime.now(UTC)))


def pause_of(retry_after: str, now: datetime) -> float | None:
    """The seconds of a Retry-After, in both its forms (RFC 9110, 10.2.3); None for anything else."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal() and len(text) < 9:  # noqa: PLR2004 - years of seconds are no pause
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds())


def require_url(url: str) -> None:
    """Require an https address, or http on loopback. Raises TidegateError(CONFIG_VALUE)."""
    try:
        parts = urlsplit(url)
        host, named = parts.hostname or "", bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, host, named = urlsplit(""), "", False
    plain = parts.scheme == "http" and _is_loopback(host)
    if not named or not (parts.scheme == "https" or plain) or not url.isprintable() or " " in url:
        reason = (
            "expected an https address (http only for loopback), such as https://hooks.example.org/tidegate"
        )
        raise TidegateError(Code.CONFIG_VALUE, reason)
    if parts.username is not None or parts.password is not None:
        # Without the address: there may be a password in it.
        reason = "expected an address without a user's name and password; put a header into a file instead"
        raise TidegateError(Code.CONFIG_VALUE, reason)


def read_url(path: Path) -> str:
    """An address out of a file: one line. Raises TidegateError(CONFIG_VALUE) as `read_headers`."""
    lines = _private_lines(path, "address's")
    if len(lines) != 1:
        raise TidegateError(Code.CONFIG_VALUE, f"{path} holds {len(lines)} lines; expected one address")
    return lines[0].strip()


def read_headers(path: Path) -> dict[str, str]:
    """More headers out of a file: `Name: value`, one a line.

    Raises:
        TidegateError: CONFIG_VALUE: it cannot be read, others may read it, or it holds something else.
    """
    headers = dict[str, str]()
    for line in _private_lines(path, "headers'"):
        name, colon, value = line.partition(":")
        if not colon or not name.replace("-", "").isalnum() or not value.strip().isprintable():
            raise TidegateError(Code.CONFIG_VALUE, f"{path} holds a line that is no header: Name: value")
        headers[name] = value.strip()
    return headers


def _private_lines(path: Path, whose: str) -> list[str]:
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            reason = f"the {whose} file {path} can be used by everybody: chmod o-rwx"
            raise TidegateError(Code.CONFIG_VALUE, reason)
        with path.open("rb") as file:
            lines = file.read(_HEADER_BYTES).decode("ascii").splitlines()
    except (OSError, UnicodeError) as error:
        raise TidegateError(Code.CONFIG_VALUE, f"the {whose} file {path} cannot be read: {error}") from error
    return [line for line in lines if line.strip()]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]

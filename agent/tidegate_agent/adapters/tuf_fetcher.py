"""Downloads for python-tuf: no redirects, no retries, no compression, and one deadline for all of them."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Final

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient.fetcher import FetcherInterface

from tidegate_agent.adapters.causes import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

_CHUNK: Final = 16 * 1024
_HEADERS: Final = {"User-Agent": "tidegate-agent", "Accept-Encoding": "identity"}


class DeadlineFetcher(FetcherInterface):
    """Fetches over HTTP(S). Sizes are capped by FetcherInterface, which counts what comes out of here.

    A server that sends a byte now and then is cut off between two of them; one that does so within the
    headers is left to whoever limits the whole process.

    Args:
        seconds: for everything that is fetched with this.
        proxy: the URL of a proxy.
        ca_file: PEM file in place of the system's certificate authorities.

    Raises:
        OSError: the file cannot be read.
    """

    def __init__(self, seconds: float, proxy: str | None = None, ca_file: str | None = None) -> None:
        self._deadline = time.monotonic() + seconds
        context = ssl.create_default_context(cafile=ca_file)
        self._pool = (
            urllib3.ProxyManager(proxy, ssl_context=context)
            if proxy
            else urllib3.PoolManager(ssl_context=context)
        )

    def _fetch(self, url: str) -> Iterator[bytes]:
        response = self._open(url)
        if response.status != 200:  # noqa: PLR2004 - OK: a redirect is an answer that is not wanted
            response.close()
            raise DownloadHTTPError(f"{url} answers with HTTP status {response.status}", response.status)
        return self._chunks(url, response)

    def _open(self, url: str) -> BaseHTTPResponse:
        try:
            return self._pool.request(
                "GET",
                url,
                headers=_HEADERS,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(total=self._left(url)),
            )
        except urllib3.exceptions.HTTPError as error:
            raise _failure(url, error) from error

    def _chunks(self, url: str, response: BaseHTTPResponse) -> Iterator[bytes]:
        try:
            while chunk := response.read1(_CHUNK, decode_content=False):
                yield chunk
                self._left(url)
        except urllib3.exceptions.HTTPError as error:
            raise _failure(url, error) from error
        finally:
            response.close()

    def _left(self, url: str) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise _too_slow(url)
        return left


def _failure(url: str, error: urllib3.exceptions.HTTPError) -> DownloadError:
    # A connection that is refused counts as one that took too long to urllib3.
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
        return _too_slow(url)
    return DownloadError(f"{url} cannot be had: {cause_of(error)}")


def _too_slow(url: str) -> SlowRetrievalError:
    return SlowRetrievalError(f"{url} took too long")

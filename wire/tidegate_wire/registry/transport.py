"""HTTP requests by urllib3: one at a time, no hidden redirects, retries or decoding."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, InsecureRequestWarning, SSLError
from urllib3.util import Timeout, Url, make_headers, parse_url

import tidegate_schemas
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.deadline import bounded_pools
from tidegate_wire.registry.pacing import TransientError
from tidegate_wire.registry.tls import context_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegate_wire.registry.settings import RegistrySettings

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}
_MAX_URL = 8192


def origin_of(url: str) -> Origin:
    """Scheme, host and port of a URL: what a credential is bound to (RFC 6454).

    Raises:
        TidegateError: IMAGE_UNREACHABLE, when it is not an http or https URL of at most 8 KiB.
    """
    try:
        parsed = parse_url(url) if len(url) <= _MAX_URL else Url()
    except HTTPError:
        parsed = Url()
    if parsed.scheme not in _PORTS or not parsed.host:
        raise _leads_nowhere(url)
    return parsed.scheme, parsed.host, parsed.port or _PORTS[parsed.scheme]


def join_url(base: str, location: str) -> str:
    """Where a redirect leads (RFC 9110, section 10.2.2).

    Raises:
        TidegateError: IMAGE_UNREACHABLE, when it cannot be understood.
    """
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise _leads_nowhere(location) from error


def _leads_nowhere(url: str) -> TidegateError:
    return TidegateError(
        Code.IMAGE_UNREACHABLE, f"the registry leads to '{url[:120]}', which is not an http or https URL"
    )


class Transport:
    """Connections to every host that a registry leads to, kept open between requests; for any thread.

    Args:
        settings: proxies, certificates, patience.
        ahead: how many bytes a connection takes in before they are read; the kernel's choice when None.
    """

    def __init__(self, settings: RegistrySettings, ahead: int | None = None) -> None:
        self._settings = settings
        self._options = HTTPConnection.default_socket_options
        if ahead is not None:
            # Before the connection is made, so that TCP never announces more (tcp(7), SO_RCVBUF).
            self._options = [*self._options, (socket.SOL_SOCKET, socket.SO_RCVBUF, ahead)]
        self._lock = threading.Lock()
        self._managers: dict[tuple[Origin, bool], urllib3.PoolManager] = {}

    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        verify: bool = True,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one request; the caller reads and closes the answer.

        Args:
            method: GET or POST.
            url: absolute URL.
            headers: added to our own.
            verify: False only for a host that registries.conf calls insecure.
            body: what a POST sends.

        Raises:
            TransientError: there was no answer.
            TidegateError: IMAGE_UNREACHABLE when the server's certificate is not accepted; CONFIG_VALUE.
        """
        limits = self._settings.limits
        manager = self._manager(origin_of(url), verify=verify)
        own = {"User-Agent": f"tidegate/{tidegate_schemas.__version__}", "Accept-Encoding": "identity"}
        try:
            return manager.request(
                method,
                url,
                headers={**own, **headers},
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=limits.connect_timeout, read=limits.read_timeout),
            )
        except HTTPError as error:
            raise _explain(error, url) from error

    def close(self) -> None:
        """Close what is kept open."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()
            self._managers.clear()

    def _manager(self, origin: Origin, *, verify: bool) -> urllib3.PoolManager:
        with self._lock:
            found = self._managers.get((origin, verify))
            if found is None:
                found = self._managers[origin, verify] = self._make(origin, verify=verify)
            return found

    def _make(self, origin: Origin, *, verify: bool) -> urllib3.PoolManager:
        scheme, host, port = origin
        context = None
        if scheme == "https":
            place = host if port == _PORTS[scheme] else f"{host}:{port}"
            context = context_for(place, self._settings.certs_folders, self._settings.ca_file, verify=verify)
            if not verify:
                # The administrator said so in registries.conf; a warning per request would say it to nobody.
                urllib3.disable_warnings(InsecureRequestWarning)
        manager = self._pooled(self._settings.proxies.proxy_for(scheme, host, port), context)
        manager.pool_classes_by_scheme = bounded_pools(self._settings.limits.answer_timeout)
        return manager

    def _pooled(self, proxy: str | None, context: ssl.SSLContext | None) -> urllib3.PoolManager:
        shape: dict[str, Any] = {"num_pools": 1, "maxsize": 4, "socket_options": self._options}
        if proxy is None:
            return urllib3.PoolManager(**shape, ssl_context=context)
        user = parse_url(proxy).auth
        shown = make_headers(proxy_basic_auth=unquote(user)) if user else None
        return urllib3.ProxyManager(proxy, **shape, ssl_context=context, proxy_headers=shown)


def _explain(error: HTTPError, url: str) -> Exception:
    """A certificate that is not accepted stays so; everything else may pass."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            host = parse_url(url).netloc
            return TidegateError(
                Code.IMAGE_UNREACHABLE, f"the certificate of {host} is not accepted: {cause.verify_message}"
            )
        inner = cause.args[0] if isinstance(cause, SSLError) and cause.args else None
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return TransientError(f"{parse_url(url).netloc} does not answer: {error}")

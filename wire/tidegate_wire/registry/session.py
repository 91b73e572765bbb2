"""Requests to one endpoint: the scheme it speaks, authorization, redirects, and what its answers mean.

An Authorization header goes to the origin (scheme, host, port) that asked for it and to no other: a redirect
to another origin is followed without it, and a 401 from there is not answered. https never leads to http.
"""

from __future__ import annotations

import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.pacing import TransientError, retry_after
from tidegate_wire.registry.transport import join_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from tidegate_wire.registry.authenticator import Authenticator
    from tidegate_wire.registry.endpoints import Endpoint
    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.transport import Transport

_CONTENT = frozenset({200, 206})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})
_DOCKER_HUB = "registry-1.docker.io"


class EndpointSession:
    """One server, asked for one repository.

    Args:
        endpoint: server and repository.
        transport: sends the requests.
        authenticator: knows what the server wants to see.
        pacing: limits.

    Attributes:
        endpoint: server and repository.
    """

    def __init__(
        self, endpoint: Endpoint, transport: Transport, authenticator: Authenticator, pacing: Pacing
    ) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._authenticator = authenticator
        self._pacing = pacing
        self._base: str | None = None

    @contextlib.contextmanager
    def get(
        self, path: str, headers: Mapping[str, str], *, expected: Container[int] = _CONTENT
    ) -> Iterator[BaseHTTPResponse]:
        """GET `/v2/<repository>/<path>`; the answer has an expected status and is closed at the end.

        Raises:
            TransientError: it may pass.
            TidegateError: IMAGE_NOT_FOUND, IMAGE_UNAUTHORIZED, IMAGE_UNREACHABLE (it will not pass).
        """
        response = self._authorised(self.url(path), headers)
        try:
            if response.status not in expected:
                raise self._meaning(response, path)
            yield response
        finally:
            response.close()

    def url(self, path: str) -> str:
        """The URL of `/v2/<repository>/<path>` at this server.

        Raises:
            TransientError: an insecure server does not say whether it speaks TLS.
        """
        return f"{self._scheme()}/v2/{self.endpoint.repository}/{path}"

    def _scheme(self) -> str:
        """The server's root URL: https, or what an insecure server turns out to speak."""
        if self._base is None:
            host = _DOCKER_HUB if self.endpoint.host == "docker.io" else self.endpoint.host
            self._base = self._probe(host) if self.endpoint.insecure else f"https://{host}"
        return self._base

    def _probe(self, host: str) -> str:
        """Plain HTTP is settled on only when it answers: a moment without network must not rule TLS out."""
        try:
            self._transport.open("GET", f"https://{host}/v2/", {}, verify=False).close()
        except TransientError:
            self._transport.open("GET", f"http://{host}/v2/", {}).close()
            return f"http://{host}"
        return f"https://{host}"

    def _authorised(self, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        """Answer one 401; a second one is the registry's last word."""
        response, at_home = self._followed(url, headers)
        if response.status != HTTPStatus.UNAUTHORIZED or not at_home:
            return response
        response.close()
        self._authenticator.answer(response.headers.get("WWW-Authenticate", ""), url)
        return self._followed(url, headers)[0]

    def _followed(self, url: str, headers: Mapping[str, str]) -> tuple[BaseHTTPResponse, bool]:
        """Send a GET, follow its redirects, and tell whether the answer came from the origin first asked."""
        home = origin = origin_of(url)
        secret = self._authenticator.header()
        for _ in range(self._pacing.limits.redirects + 1):
            shown = {**headers, "Authorization": secret} if secret else dict(headers)
            verify = not self.endpoint.insecure or origin[1] != home[1]
            response = self._transport.open("GET", url, shown, verify=verify)
            if response.status not in _REDIRECTS:
                return response, origin == home
            response.close()
            url = join_url(url, response.headers.get("Location", ""))
            previous, origin = origin, origin_of(url)
            if previous[0] == "https" and origin[0] != "https":
                raise TidegateError(
                    Code.IMAGE_UNREACHABLE,
                    f"{self.endpoint} redirects to {origin[1]} without TLS, which is refused",
                )
            if origin != home:
                secret = None
        raise TidegateError(
            Code.IMAGE_UNREACHABLE,
            f"{self.endpoint} redirects more than {self._pacing.limits.redirects} times",
        )

    def _meaning(self, response: BaseHTTPResponse, path: str) -> Exception:
        status = response.status
        if status == HTTPStatus.NOT_FOUND:
            return TidegateError(Code.IMAGE_NOT_FOUND, f"{self.endpoint} has no {path}")
        if status in (401, 403):
            return self._authenticator.refused(f"it answers {status}")
        if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return TransientError(f"{self.endpoint} answers {status}", retry_after(response.headers))
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return TidegateError(
                Code.IMAGE_DIGEST_MISMATCH, f"{path} at {self.endpoint} is shorter than its descriptor says"
            )
        return TidegateError(Code.IMAGE_UNREACHABLE, f"{self.endpoint} answers {status} for {path}")

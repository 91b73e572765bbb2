"""Authorization towards one endpoint: anonymous, by password, or by bearer token.

Source: distribution's token authentication specification (token, oauth). Rules of our own:

1. The scope asked for is always `repository:NAME:pull`, whatever the challenge asks for.
2. A token's realm must be https, unless the registry itself is spoken to in plain HTTP.
3. A realm's redirects are not followed: the password was meant for the realm.
4. A token is used until shortly before it expires, or until the registry refuses it; then we ask once more.
"""

from __future__ import annotations

import contextlib
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.body import read_document
from tidegate_wire.registry.challenge import choose_challenge, parse_challenges
from tidegate_wire.registry.pacing import TransientError, retry_after
from tidegate_wire.registry.tokens import MAX_ANSWER, MAX_LIFETIME, read_token, token_request
from tidegate_wire.registry.transport import origin_of

if TYPE_CHECKING:
    from tidegate_wire.registry.auth_file import Credential, Credentials
    from tidegate_wire.registry.challenge import Challenge
    from tidegate_wire.registry.endpoints import Endpoint
    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.transport import Transport


class Authenticator:
    """What to send to one endpoint in the Authorization header.

    Args:
        endpoint: server and repository.
        transport: for the token's realm.
        credentials: where to find what to show.
        pacing: the clock that tokens expire by.
    """

    def __init__(
        self, endpoint: Endpoint, transport: Transport, credentials: Credentials, pacing: Pacing
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._credentials = credentials
        self._pacing = pacing
        self._lock = threading.Lock()
        self._header: str | None = None
        self._expires = 0.0

    def header(self) -> str | None:
        """The header's value for the next request, or None for an anonymous one."""
        with self._lock:
            if self._header is not None and self._pacing.clock() >= self._expires:
                self._header = None
            return self._header

    def answer(self, www_authenticate: str, base: str) -> None:
        """Prepare the header that a 401 asks for.

        Args:
            www_authenticate: value of the WWW-Authenticate header.
            base: URL of the registry that asked.

        Raises:
            TransientError: the realm does not answer.
            TidegateError: IMAGE_UNAUTHORIZED, when we have nothing to answer with.
        """
        challenge = choose_challenge(parse_challenges(www_authenticate))
        credential = self._credentials.find(self._endpoint.host, self._endpoint.repository)
        if challenge is None:
            raise self.refused("it asks for a way to authenticate that tidegate does not know")
        if challenge.scheme == "basic":
            if credential is None or credential.identity_token:
                raise self.refused("it asks for a user name and a password")
            header, lifetime = credential.basic(), MAX_LIFETIME
        else:
            token, lifetime = self._fetch_token(challenge, credential, base)
            header = f"Bearer {token}"
        with self._lock:
            self._header, self._expires = header, self._pacing.clock() + lifetime

    def refused(self, why: str) -> TidegateError:
        """The error of a registry that does not let us in, with where credentials were looked for."""
        hint = self._credentials.explain(self._endpoint.host)
        return TidegateError(
            Code.IMAGE_UNAUTHORIZED, f"{self._endpoint} does not let this host pull: {why} ({hint})"
        )

    def _fetch_token(
        self, challenge: Challenge, credential: Credential | None, base: str
    ) -> tuple[str, float]:
        realm = challenge.parameters["realm"]
        realm_origin, registry_origin = origin_of(realm), origin_of(base)
        if realm_origin[0] != "https" and registry_origin[0] == "https":
            raise self.refused(f"it sends us to the token server {realm[:120]}, which is not https")
        asked = token_request(challenge, credential, f"repository:{self._endpoint.repository}:pull")
        verify = not (self._endpoint.insecure and realm_origin[1] == registry_origin[1])
        response = self._transport.open(
            asked.method, asked.url, asked.headers, verify=verify, body=asked.body
        )
        with contextlib.closing(response):
            status = response.status
            if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise TransientError(f"the token server answers {status}", retry_after(response.headers))
            if status != HTTPStatus.OK:
                raise self.refused(f"the token server {realm_origin[1]} answers {status}")
            raw = read_document(response, MAX_ANSWER, self._pacing, "the token")
        try:
            return read_token(raw)
        except ValueError as error:
            raise self.refused(f"the token server {realm_origin[1]} gives no usable token") from error

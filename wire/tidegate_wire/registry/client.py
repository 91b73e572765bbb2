"""A repository in a registry, as an image source (OCI distribution specification 1.1, "Pull").

What can pass is tried again, mirrors stand in for each other, and nothing that a server says about its
content is believed: manifests are hashed here, blobs by who writes them (verify.py).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.authenticator import Authenticator
from tidegate_wire.registry.body import read_document
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.digest import check_digest, digest_of, require_digest
from tidegate_wire.registry.failover import first_answer
from tidegate_wire.registry.media_types import ACCEPT
from tidegate_wire.registry.reference import check_tag
from tidegate_wire.registry.referrer_list import ReferrerList
from tidegate_wire.registry.session import EndpointSession
from tidegate_wire.registry.transfer import BlobTransfer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tidegate_wire.registry.auth_file import Credentials
    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.endpoints import Endpoint, RegistriesConf
    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.reference import Reference
    from tidegate_wire.registry.transport import Transport


class _NoReferrersError(TidegateError):
    """A server has an empty list, which is an answer, unlike every other way of not finding one."""


class RegistryClient:
    """One repository, at its registry and the mirrors of it. Safe to use from several threads.

    Args:
        reference: names the repository; its tag and digest do not matter here.
        registries: which servers stand for it.
        credentials: what to show them.
        transport: sends the requests; closed by whoever made it.
        pacing: limits, clock, and how to wait.
    """

    def __init__(
        self,
        reference: Reference,
        registries: RegistriesConf,
        credentials: Credentials,
        transport: Transport,
        pacing: Pacing,
    ) -> None:
        self._reference = reference
        self._registries = registries
        self._credentials = credentials
        self._transport = transport
        self._pacing = pacing
        self._sessions: dict[Endpoint, EndpointSession] = {}
        self._delivered: dict[str, EndpointSession] = {}

    def resolve(self, tag: str) -> str:
        """See ImageSource.resolve.

        A HEAD would be cheaper, but its Docker-Content-Digest is only the server's word; so the manifest is
        fetched and hashed, and a server whose word differs is refused.
        """
        check_tag(tag)

        def ask(session: EndpointSession) -> str:
            raw, claimed = self._document(session, tag)
            digest = digest_of(raw)
            if claimed.startswith("sha256:") and claimed != digest:
                raise TidegateError(
                    Code.IMAGE_DIGEST_MISMATCH,
                    f"{session.endpoint} says that '{tag}' is {claimed[:80]}, but sends {digest}",
                )
            return digest

        sessions = self._servers(by_digest=False)
        return first_answer(sessions, ask, self._pacing, f"the tag '{tag}' of {self._reference.name}")

    def manifest(self, digest: str) -> bytes:
        """See ImageSource.manifest."""
        check_digest(digest)

        def ask(session: EndpointSession) -> bytes:
            raw, _ = self._document(session, digest)
            require_digest(raw, digest, f"the manifest from {session.endpoint}")
            return raw

        what = f"the manifest {digest} of {self._reference.name}"
        return first_answer(self._servers(by_digest=True), ask, self._pacing, what)

    def referrers(self, digest: str, artifact_type: str) -> tuple[Descriptor, ...]:
        """See ImageSource.referrers.

        A mirror often holds images without what refers to them, so the next server is asked when one has
        nothing; that there is nothing at all is for the primary location to say.
        """
        check_digest(digest)

        def ask(session: EndpointSession) -> tuple[Descriptor, ...]:
            found = ReferrerList(session, digest, artifact_type, self._pacing).fetch()
            if not found:
                raise _NoReferrersError(
                    Code.IMAGE_NOT_FOUND, f"{session.endpoint} has no {artifact_type} for {digest}"
                )
            return found

        what = f"the list of what refers to {digest} of {self._reference.name}"
        try:
            return first_answer(self._servers(by_digest=True), ask, self._pacing, what)
        except _NoReferrersError:
            return ()

    def open_blob(self, blob: Descriptor, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """See ImageSource.open_blob.

        Who asks again for a blob that was delivered to its end was not content with it: the next server is
        asked first then, so that one wrong mirror does not stand in the way for ever.
        """
        return self._open_blob(blob, offset)

    @contextlib.contextmanager
    def _open_blob(self, blob: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        servers = self._servers(by_digest=True)
        if (last := self._delivered.get(blob.digest)) in servers:
            after = servers.index(last) + 1
            servers = servers[after:] + servers[:after]
        transfer = BlobTransfer(servers, blob, offset, self._pacing)
        with contextlib.closing(transfer):
            if offset >= blob.size:
                yield iter(())
                return
            yield transfer.chunks(transfer.connect())
            if transfer.position >= blob.size:
                self._delivered[blob.digest] = transfer.server

    def _document(self, session: EndpointSession, name: str) -> tuple[bytes, str]:
        with session.get(f"manifests/{name}", {"Accept": ACCEPT}) as response:
            what = f"the manifest {name} from {session.endpoint}"
            raw = read_document(response, MAX_MANIFEST_BYTES, self._pacing, what)
            return raw, response.headers.get("Docker-Content-Digest", "")

    def _servers(self, *, by_digest: bool) -> list[EndpointSession]:
        endpoints = self._registries.endpoints(self._reference, by_digest=by_digest)
        return [self._session(endpoint) for endpoint in endpoints]

    def _session(self, endpoint: Endpoint) -> EndpointSession:
        found = self._sessions.get(endpoint)
        if found is None:
            authenticator = Authenticator(endpoint, self._transport, self._credentials, self._pacing)
            found = EndpointSession(endpoint, self._transport, authenticator, self._pacing)
            self._sessions[endpoint] = found
        return found

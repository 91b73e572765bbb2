"""One server's list of what refers to a manifest: its referrers API, or the tag that stands in for it.

Rules (OCI distribution specification 1.1, "Listing Referrers" and "Referrers Tag Schema"):

1. A server that does not know the API, or answers with something else than an index (a web application's
   page, say), is asked for the tag; no such tag means that there are no referrers.
2. The next page is followed on the same server and path only.
3. A list that cannot be read to its end is good for what it holds, but it never proves that there is nothing.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.body import read_document
from tidegate_wire.registry.descriptor import MAX_MANIFEST_BYTES
from tidegate_wire.registry.media_types import OCI_INDEX
from tidegate_wire.registry.referrers import (
    MAX_REFERRERS,
    fallback_tag,
    keep_wanted,
    next_query,
    read_entries,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_wire.registry.descriptor import Descriptor
    from tidegate_wire.registry.pacing import Pacing
    from tidegate_wire.registry.session import EndpointSession

_MAX_PAGES = 16
_HEADERS = {"Accept": OCI_INDEX}
# 404 is what the specification says; the others are what servers say that were there before it.
_UNSUPPORTED = frozenset({400, 404, 405, 406, 501})
_LISTED = _UNSUPPORTED | {HTTPStatus.OK}
_TAGGED = frozenset({HTTPStatus.OK, HTTPStatus.NOT_FOUND})


class ReferrerList:
    """The referrers of one manifest that may be of one type, at one server; to be fetched once.

    Args:
        session: the server.
        digest: the manifest that is referred to.
        artifact_type: the type.
        pacing: limits.
    """

    def __init__(self, session: EndpointSession, digest: str, artifact_type: str, pacing: Pacing) -> None:
        self._session = session
        self._digest = digest
        self._artifact_type = artifact_type
        self._pacing = pacing
        self._what = f"the list of referrers of {digest} from {session.endpoint}"
        self._found: dict[str, Descriptor] = {}
        self._left = MAX_MANIFEST_BYTES

    def fetch(self) -> tuple[Descriptor, ...]:
        """At most MAX_REFERRERS descriptors, each digest once, in the server's order.

        Raises:
            TransientError: it may pass.
            TidegateError: IMAGE_MALFORMED, IMAGE_TOO_LARGE (4 MiB for all pages together),
                IMAGE_UNAUTHORIZED, IMAGE_UNREACHABLE.
        """
        try:
            if not self._follow_pages():
                self._keep(self._tagged())
        except TidegateError:
            if not self._found:
                raise
        return tuple(self._found.values())

    def _follow_pages(self) -> bool:
        """Ask the API, and tell whether there is one."""
        query: str | None = f"artifactType={quote(self._artifact_type, safe='')}"
        asked: set[str] = set()
        while query is not None and len(self._found) < MAX_REFERRERS:
            if query in asked or len(asked) == _MAX_PAGES:
                raise TidegateError(
                    Code.IMAGE_MALFORMED, f"{self._what} does not end: page {len(asked)} leads on"
                )
            asked.add(query)
            page = self._page(query)
            if page is None and len(asked) == 1:
                return False
            if page is None:
                raise TidegateError(Code.IMAGE_MALFORMED, f"{self._what} breaks off at page {len(asked)}")
            entries, link = page
            self._keep(entries)
            query = next_query(link, self._session.url(self._path(query)))
        return True

    def _page(self, query: str) -> tuple[Iterator[Descriptor], str] | None:
        """The entries of a page and its Link header, or None when it is no answer of a referrers API."""
        with self._session.get(self._path(query), _HEADERS, expected=_LISTED) as response:
            if response.status in _UNSUPPORTED:
                return None
            raw = read_document(response, self._left, self._pacing, self._what)
            declared = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            link = response.headers.get("Link", "")
        self._left -= len(raw)
        try:
            return read_entries(raw, self._what), link
        except TidegateError:
            if declared == OCI_INDEX:
                raise
            return None

    def _tagged(self) -> Iterator[Descriptor]:
        tag = fallback_tag(self._digest)
        with self._session.get(f"manifests/{tag}", _HEADERS, expected=_TAGGED) as response:
            if response.status == HTTPStatus.NOT_FOUND:
                return iter(())
            what = f"the tag {tag} at {self._session.endpoint}"
            return read_entries(read_document(response, MAX_MANIFEST_BYTES, self._pacing, what), what)

    def _path(self, query: str) -> str:
        return f"referrers/{self._digest}?{query}"

    def _keep(self, entries: Iterator[Descriptor]) -> None:
        keep_wanted(self._found, entries, self._artifact_type)

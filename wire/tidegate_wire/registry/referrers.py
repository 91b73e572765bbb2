"""What a list of referrers says (OCI distribution specification 1.1, "Listing Referrers"). No I/O.

Anybody who may push can add an entry, so one bad entry must not hide the others, and an entry is only a hint:
who fetches the manifest behind it checks its subject and type (attachments.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.checked_json import check_json
from tidegate_wire.registry.descriptor import Descriptor
from tidegate_wire.registry.digest import hex_of
from tidegate_wire.registry.media_types import INDEXES, OCI_EMPTY
from tidegate_wire.registry.transport import join_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_REFERRERS = 128  # months of a scan each day, that may be listed before a signature
_SCHEMA_VERSION = 2
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_IS_NEXT = re.compile(r';\s*rel\s*=\s*"?next"?\s*(?:[;,]|$)', re.IGNORECASE)


def fallback_tag(digest: str) -> str:
    """The tag whose index lists the referrers where a registry cannot ("Referrers Tag Schema").

    Raises:
        TidegateError: REFERENCE_INVALID, when `digest` is none.
    """
    return f"sha256-{hex_of(digest)}"


def read_entries(raw: bytes, what: str) -> Iterator[Descriptor]:
    """The entries of an image index; what is not a descriptor is left out.

    Args:
        raw: the document; its size was capped by whoever read it.
        what: names the document for a person.

    Returns:
        The entries in their order. Each is only made when it is asked for, because there may be many.

    Raises:
        TidegateError: IMAGE_MALFORMED, at once, when it is not an image index.
    """
    document = check_json(raw, what)
    entries = document.get("manifests", "missing")
    if entries is None:
        entries = []  # how registries in Go write a list without members
    declared = document.get("mediaType")
    if (
        document.get("schemaVersion") != _SCHEMA_VERSION
        or not isinstance(entries, list)
        or (declared is not None and declared not in INDEXES)
    ):
        raise TidegateError(Code.IMAGE_MALFORMED, f"{what} is not an OCI image index")
    return (found for entry in entries if (found := _descriptor(entry)) is not None)


def may_be(entry: Descriptor, artifact_type: str) -> bool:
    """Whether what an entry names may be of a type; its manifest tells.

    Older clients write no type. Under the fallback tag cosign (2.5 to 3.1, at least) writes the type of the
    empty configuration in the place of the manifest's own.
    """
    return entry.artifact_type in (None, OCI_EMPTY, artifact_type)


def keep_wanted(found: dict[str, Descriptor], entries: Iterable[Descriptor], artifact_type: str) -> None:
    """Add the entries that may be of a type, each digest once, up to MAX_REFERRERS.

    The server's own filter is not relied on.

    Args:
        found: what there is so far, by digest.
        entries: what comes next.
        artifact_type: the type.
    """
    for entry in entries:
        if len(found) >= MAX_REFERRERS:
            return
        if may_be(entry, artifact_type):
            found.setdefault(entry.digest, entry)


def next_query(link: str, url: str) -> str | None:
    """The query of the next page, out of a Link header (RFC 8288), or None on the last page.

    Args:
        link: the header's value.
        url: what was asked for.

    Raises:
        TidegateError: IMAGE_MALFORMED when it leads to another server or path; IMAGE_UNREACHABLE when it is
            no http or https URL.
    """
    target = next((found[1] for found in _LINK.finditer(link) if _IS_NEXT.search(found[2])), None)
    if target is None:
        return None
    following = join_url(url, target.strip())
    if origin_of(following) != origin_of(url) or _path(following) != _path(url):
        raise TidegateError(
            Code.IMAGE_MALFORMED,
            f"the list of referrers goes on at '{following[:160]}', which is another place than {url[:160]}",
        )
    return urlsplit(following).query


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)


def _descriptor(entry: object) -> Descriptor | None:
    try:
        return Descriptor.model_validate(entry)
    except ValidationError:
        return None

"""The fake registry's honest answers to pushes and to questions for referrers (OCI distribution spec 1.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fakes.registry import Exchange, FakeRegistry


def answer_push(exchange: Exchange, registry: FakeRegistry) -> None:
    """Take a blob ("POST then PUT") or a manifest."""
    parts = urlsplit(exchange.path)
    name = parts.path.rpartition("/")[2]
    if exchange.command == "POST":
        exchange.send(202, Location=f"{parts.path}1")
    elif "/blobs/uploads/" in parts.path:
        registry.blobs[parse_qs(parts.query)["digest"][0]] = exchange.body
        exchange.send(201)
    else:
        digest = digest_of(exchange.body)
        registry.manifests |= {name: exchange.body, digest: exchange.body}
        subject = _subject(exchange.body)
        if subject and registry.page_size is not None:
            exchange.send(201, OCI_Subject=subject)
        else:
            exchange.send(201)


def answer_referrers(exchange: Exchange, manifests: Iterable[bytes], page_size: int) -> None:
    """One page of what refers to a manifest, filtered by its type."""
    parts = urlsplit(exchange.path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    digest, wanted = parts.path.rpartition("/")[2], query.get("artifactType")
    about = [raw for raw in dict.fromkeys(manifests) if _subject(raw) == digest]
    found = [entry for entry in map(_entry, about) if wanted in (None, entry["artifactType"])]
    start = int(query.get("start", "0"))
    page = found[start : start + page_size]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": page}
    more = {}
    if start + page_size < len(found):
        following = urlencode({**query, "start": start + page_size})
        more["Link"] = f'<{parts.path}?{following}>; rel="next"'
    filters = {"OCI_Filters_Applied": "artifactType"} if wanted else {}
    exchange.send(200, json.dumps(document).encode(), Content_Type=OCI_INDEX, **filters, **more)


def _subject(raw: bytes) -> str | None:
    try:
        document = json.loads(raw)
    except ValueError:
        return None
    found = document.get("subject") if isinstance(document, dict) else None
    return str(found["digest"]) if found else None


def _entry(raw: bytes) -> dict[str, object]:
    document = json.loads(raw)
    kind = document.get("artifactType") or document["config"]["mediaType"]
    return {"mediaType": OCI_MANIFEST, "digest": digest_of(raw), "size": len(raw), "artifactType": kind}

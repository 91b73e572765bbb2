"""Trusted roots in which one party more is named, such as one that is retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tests.trust.beliefs import Beliefs, trusting
from tidegate_schemas.base import rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore import LocalSigstore

Kind = Literal["certificateAuthorities", "ctlogs", "tlogs", "timestampAuthorities"]


def also_naming(
    ours: LocalSigstore,
    theirs: LocalSigstore,
    kind: Kind,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Beliefs:
    """Belief in all of our instance, and in the other one's parties of one kind, within a window if given."""
    root = ours.trusted_root()
    known = [dict(party, validFor=None) for party in root[kind]]
    for party in theirs.trusted_root()[kind]:
        if dict(party, validFor=None) not in known:
            _set_window(party, start, end)
            root[kind].append(party)
    return Beliefs(root, trusting())


def _set_window(party: dict[str, Any], start: datetime | None, end: datetime | None) -> None:
    holder = party.get("publicKey", party)
    if start is not None:
        holder["validFor"]["start"] = rfc3339(start)
    if end is not None:
        holder["validFor"]["end"] = rfc3339(end)

"""The root keeper of a host whose root is a file that people replace, or the one in the sigstore package."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tidegate_agent.root_watch import RootInForce, ends_of_keys
from tidegate_wire.trust.root import origin_of, parse_root, read_root

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


class PinnedRoot:
    """See ports.RootKeeper. There is nowhere to refresh it from.

    Args:
        where: the path of a trusted_root.json, or `public-good`.
    """

    def __init__(self, where: Path | str) -> None:
        self._where = where

    def look(self, now: datetime) -> RootInForce:
        """See RootKeeper.look."""
        raw = read_root(self._where)
        origin = origin_of(self._where)
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        return RootInForce(origin, digest, ends_of_keys(parse_root(raw, origin), now))

    def refresh(self, now: datetime) -> RootInForce:
        """See RootKeeper.refresh."""
        return self.look(now)

"""What a node says of itself and of its cluster, over HTTP (docs.nats.io, "Monitoring")."""

from __future__ import annotations

import json
import urllib.request
from typing import Any, Final

_PATIENCE_S: Final = 5.0


class Monitor:
    """Asks one node. One that does not answer knows nothing.

    Args:
        port: of its monitoring, on loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def leader(self) -> str | None:
        """The name of the node that leads all of JetStream, as far as this one knows."""
        return self._ask("jsz").get("meta_cluster", {}).get("leader") or None

    def stream_leaders(self) -> dict[str, str | None]:
        """By stream, the name of the node that leads it; those that this node holds."""
        told: dict[str, str | None] = {}
        for account in self._ask("jsz?accounts=true&streams=true").get("account_details", ()):
            for stream in account.get("stream_detail", ()):
                told[stream["name"]] = stream.get("cluster", {}).get("leader") or None
        return told

    def _ask(self, what: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/{what}", timeout=_PATIENCE_S
            ) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        except (OSError, ValueError):
            return {}

"""What is used of paho.mqtt.client, imported without dnspython.

paho imports dnspython where it is installed, for SRV look-ups that nothing here makes; and sigstore always
brings it along. Every host would have 63 modules, 2.6 MiB of memory and 40 ms of each start to pay for that,
so it is not to be found while paho is imported. Whoever else wants it finds it as before.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Client", "WebsocketConnectionError"]


@contextmanager
def _not_to_be_found(package: str) -> Iterator[None]:
    """Let imports of a package fail, unless it is there already."""
    if package in sys.modules:
        yield
        return
    # None makes the import raise ModuleNotFoundError (The Python Language Reference, section 5.3.1).
    sys.modules[package] = None  # type: ignore[assignment] # typeshed knows only of modules
    try:
        yield
    finally:
        del sys.modules[package]


with _not_to_be_found("dns"):
    from paho.mqtt.client import Client, WebsocketConnectionError

"""Caps on everything that comes from outside, in one place so that both sides agree on them."""

from __future__ import annotations

from typing import Final

STATEMENT_BYTES: Final = 64 * 1024
"""The largest message that is looked at; a larger one is refused before parsing."""

JSON_DEPTH: Final = 32
"""The deepest nesting of objects and arrays in any message. A genuine bundle needs 9."""

TEXT: Final = 4096
"""Characters in a text meant for people (notes, reason)."""

NAME: Final = 64
"""Characters in a name that becomes a topic level: product, channel, host id."""

ITEMS: Final = 64
"""Entries in any list or map of a message."""

TOPIC_SLASHES: Final = 7
"""Slashes in a topic: what AWS IoT Core allows, the narrowest of the brokers in use."""

SEQUENCE: Final = 2**53 - 1
"""The highest sequence: every JSON implementation can hold it exactly (RFC 8259, section 6)."""

"""Checkpoints: a log's signed statement of its size and root, as a signed note.

Sources: C2SP tlog-checkpoint and signed-note.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """Who signs a log's notes.

    Attributes:
        origin: the first line of the note: which log this is.
        name: the name in the signature line; without spaces.
        key_hint: the first four bytes of the log's id, by which a verifier picks the key.
        sign: makes the raw signature over the note's bytes.
    """

    origin: str
    name: str
    key_hint: bytes
    sign: Callable[[bytes], bytes]

    def checkpoint(self, size: int, root: bytes) -> str:
        """The signed note over a tree of `size` entries with this 32-byte root."""
        note = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = base64.b64encode(self.key_hint + self.sign(note.encode())).decode()
        return f"{note}\n\N{EM DASH} {self.name} {signature}\n"

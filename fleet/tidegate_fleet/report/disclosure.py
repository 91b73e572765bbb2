"""What of a host's words gets into a report, and in what form. PURE.

What hosts say is hostile until made harmless. In an anonymous report hosts have made-up names, and their own
words stay out: those name hosts, people and addresses.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from tidegate_fleet.harmless import REASON, harmless


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How hosts are spoken of.

    Attributes:
        secret: None: by their names. Else names are made up from this key, the same for each host throughout;
            without the key nobody can try names out. Take a new one for each report.
    """

    secret: bytes | None = None

    @property
    def anonymous(self) -> bool:
        """Whether names and words of hosts are left out."""
        return self.secret is not None

    def host(self, name: str) -> str:
        """A host's name, or the one made up for it (48 bits: two in a million hosts may share one)."""
        if self.secret is None:
            return harmless(name, 64)
        return f"host-{hmac.new(self.secret, name.encode(), hashlib.sha256).hexdigest()[:12]}"

    def words(self, text: str, most: int = REASON) -> str:
        """A host's own words; none when hosts are anonymous."""
        return "" if self.secret is not None else harmless(text, most)

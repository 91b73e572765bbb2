"""What of a host's words gets into a report, and in what form. PURE.

Everything that hosts say is hostile until made harmless: no control character, no direction mark, no end of
line, no endless text. In an anonymous report hosts have made-up names, and their own words stay out: those
name hosts, people and addresses.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

REASON: Final = 300
"""Characters of a reason that are shown."""

_MARKS: Final = 2
_SPACES: Final = re.compile(r"\s+")


def harmless(text: str, most: int = REASON) -> str:
    """One line of at most `most` characters that can drive neither terminal nor layout."""
    # Whoever sends four kilobytes of spaces shall not cost more than that.
    line = _SPACES.sub(" ", text[: most * 8]).strip()
    shown: list[str] = []
    marks = 0
    for letter in line:
        # Letters carry a mark or two; towers of them paint over the lines above.
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= _MARKS:
            shown.append(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}")
    whole = "".join(shown)
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


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

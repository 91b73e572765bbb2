"""WWW-Authenticate: what a registry wants to see.

Sources: RFC 9110, section 11.6.1; the token authentication specification of distribution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_HEADER = 8192

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))')
_SCHEME = re.compile(rf"({_WORD})(?=[ \t,]|$)")
_GAP = re.compile(r"[ \t,]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate: the scheme in lower case, and its parameters with names in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read one or several challenges; what comes after something unreadable is dropped.

    Args:
        header: the header's value; beyond 8 KiB it is not read at all.
    """
    found: list[Challenge] = []
    position = 0
    while len(header) <= MAX_HEADER:
        position = _skip(header, position)
        if parameter := _PARAMETER.match(header, position):
            if not found:
                break
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[-1].parameters.setdefault(name.lower(), value)
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            found.append(Challenge(scheme[1].lower()))
            position = scheme.end()
        else:
            break
    return tuple(found)


def choose_challenge(challenges: tuple[Challenge, ...]) -> Challenge | None:
    """The best that we can answer: a bearer token before a password."""
    for wanted in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == wanted and (wanted == "basic" or "realm" in challenge.parameters):
                return challenge
    return None


def _skip(header: str, position: int) -> int:
    gap = _GAP.match(header, position)
    return gap.end() if gap else position

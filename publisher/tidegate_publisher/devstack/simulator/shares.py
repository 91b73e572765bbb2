"""Who of a fleet behaves how: `fails-health=3%@2.0` is 3 % of the hosts, when they install 2.0. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate_publisher.names import nearest
from tidegate_publisher.options.share import share_of_text
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import cohort


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the hosts, in [0, 1], and what is the matter with them; `version` narrows it to one."""

    name: str
    fraction: float
    version: str | None = None


def parse_share(text: str, names: frozenset[str]) -> Share:
    """Read `name=share[@version]`, where the share is `3%` or `0.03`.

    Raises:
        TidegateError: CONFIG_VALUE.
    """
    name, _, rest = text.partition("=")
    number, _, version = rest.partition("@")
    if name not in names:
        reason = f"--behave {text[:80]!r}: expected NAME=3% or NAME=3%@VERSION; {nearest(name, names)}"
        raise TidegateError(Code.CONFIG_VALUE, reason)
    try:
        return Share(name, share_of_text(number), version or None)
    except ValueError as error:
        raise TidegateError(Code.CONFIG_VALUE, f"--behave {text[:80]!r}: {error}") from error


def drawn(share: Share, seed: str, host: str) -> bool:
    """Whether this host is one of them. Shares with other names or versions draw other hosts."""
    return cohort(f"{seed}/{share.name}/{share.version or ''}/", host) < share.fraction

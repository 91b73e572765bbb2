"""Who of a fleet behaves how: `fails-health=0.03@2.0` is 3 % of the hosts, when they install 2.0. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.rollout import cohort


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the hosts, in [0, 1], and what is the matter with them; `version` narrows it to one."""

    name: str
    fraction: float
    version: str | None = None


def parse_share(text: str, names: frozenset[str]) -> Share:
    """Read `name=fraction[@version]`.

    Raises:
        TidegateError: CONFIG_VALUE.
    """
    name, _, rest = text.partition("=")
    number, _, version = rest.partition("@")
    try:
        fraction = float(number)
    except ValueError:
        fraction = math.nan
    if name not in names or not 0 <= fraction <= 1:
        known = ", ".join(sorted(names))
        reason = f"{text[:80]!r} is no share of hosts: write NAME=0.03 or NAME=0.03@VERSION; names: {known}"
        raise TidegateError(Code.CONFIG_VALUE, reason)
    return Share(name, fraction, version or None)


def drawn(share: Share, seed: str, host: str) -> bool:
    """Whether this host is one of them. Shares with other names or versions draw other hosts."""
    return cohort(f"{seed}/{share.name}/{share.version or ''}/", host) < share.fraction

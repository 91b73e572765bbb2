"""All bad cases that are data, for tests and for the benchmark.

forge = Forge()
for case in all_cases():
    for rekor in case.logs:
        scene = case.build(forge, rekor)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.trust.case import BadCase
from tests.trust.cases import (
    authority,
    certificate,
    entry,
    envelope,
    freshness,
    identity,
    kind,
    payload,
    proof,
    text,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_THEMES: Final = (
    identity,
    authority,
    certificate,
    proof,
    entry,
    times,
    envelope,
    payload,
    kind,
    text,
    freshness,
)


def all_cases() -> Iterator[BadCase]:
    """Every case, theme by theme."""
    for theme in _THEMES:
        yield from (found for found in vars(theme).values() if isinstance(found, BadCase))

"""A report as JSON, for machines: the figures, and every host's way behind them.

The document is written in pieces, for there may be a hundred thousand hosts. Field names are those of
`figures`, in camelCase as everywhere in the contract; moments are RFC 3339, spans are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from pydantic.alias_generators import to_camel

from tidegate_fleet.report.claims import bounded, end_of, known_wait
from tidegate_schemas.base import rfc3339
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tidegate_fleet.history import Passage
    from tidegate_fleet.report.disclosure import Disclosure
    from tidegate_fleet.report.figures import Figures

_STEPS: Final = frozenset({"total", *(step.value for step in Step)})


def pieces(figures: Figures, passages: Iterable[Passage], disclosure: Disclosure) -> Iterator[str]:
    """One JSON document on one line, in pieces. ASCII: so no control character reaches a terminal.

    Args:
        figures: the report.
        passages: every host's way; read once, while the pieces are taken.
        disclosure: how hosts are spoken of: as in the figures.
    """
    head = json.dumps(plain(figures), allow_nan=False)
    yield f'{head[:-1]}, "hosts": ['
    between = ""
    for passage in passages:
        yield between + json.dumps(_host(passage, disclosure), allow_nan=False)
        between = ", "
    yield "]}\n"


def plain(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON knows, from whatever the figures are made of
    """Dataclasses, moments and enums as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {to_camel(field.name): plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return value


def _host(passage: Passage, disclosure: Disclosure) -> dict[str, Any]:
    standing = passage.standing
    durations = {step: each for step, each in passage.durations.items() if step in _STEPS and isfinite(each)}
    found = {
        "host": disclosure.host(passage.host),
        "wave": passage.wave,
        "phase": standing.phase.value,
        "step": standing.step.value,
        "attempt": standing.attempt,
        "began": rfc3339(passage.began),
        "activated": None if passage.activated is None else rfc3339(passage.activated),
        "ended": rfc3339(end_of(passage)) if standing.phase.final else None,
        "code": None if standing.code is None else standing.code.value,
        "reason": disclosure.words(standing.reason),
        "heard": rfc3339(standing.heard),
        "waitingFor": known_wait(standing.waiting_for) if standing.waiting_for else "",
        "durations": durations,
        "waitedFor": bounded(passage.waited_for, (end_of(passage) - passage.began).total_seconds()),
        "events": passage.events,
        "verified": passage.verified,
    }
    return {key: value for key, value in found.items() if value not in (None, "", {})}

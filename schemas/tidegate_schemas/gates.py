"""Gates: what has to be seen in one wave before `tidegate rollout run` opens the next (a release's `gate`).

They are the publisher's own and never enter a signed statement: hosts know waves, and nothing of gates.
"""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from tidegate_schemas import limits
from tidegate_schemas.base import Form, Labels, Short

_PERCENT: Final = re.compile(r"(?:100|[1-9]?[0-9])(?:\.[0-9]{1,4})?%", re.ASCII)
MILLION: Final = 1_000_000
_HUNDRED: Final = 100
_PERCENT_TEXT: Final = {"type": "string", "pattern": r"^(100|[1-9]?[0-9])(\.[0-9]{1,4})?%$"}
MOST_HOSTS: Final = 10_000_000
"""The highest count of hosts that a gate may name."""


def read_share(value: object) -> float:
    """A part of some hosts, from 0 to 1, out of `5%`, `"5%"` or `0.05`.

    Raises:
        ValueError: it is neither; the message says what was expected.
    """
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        # One division of whole numbers: 29 % is the very float that 0.29 is.
        return round(float(value.removesuffix("%")) * 10_000) / MILLION
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"expected a share such as 5% or 0.05, not {_found(value)}{_perhaps(value)}")


def _found(value: object) -> str:
    match value:
        case dict():
            return "keys and values"
        case list() | tuple():
            return "a list"
        case bool() | None:
            return {True: "true", False: "false", None: "nothing"}[value]
        case str():
            return repr(value[:40])
        case _:
            return str(value)[:40]


def _perhaps(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= _HUNDRED
    return f"; did you mean {value:.6g}%?" if number else ""


def _read_fraction(value: object) -> float:
    share = read_share(value)
    if share == 0:
        message = "a wave of no hosts does nothing: expected more than 0"
        raise ValueError(message)
    return share


def _read_amount(value: object) -> int | str:
    # Not left to the union: it would complain twice, of a number that is wrong and of text that is missing.
    if isinstance(value, str) and _PERCENT.fullmatch(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_HOSTS:
        return value
    if isinstance(value, float) and 0 < value < 1 and round(value * MILLION):
        return f"{round(value * MILLION) / 10_000:.6g}%"
    expected = "expected a number of hosts such as 10, or a share such as 5% or 0.05"
    if value == 1:  # as a float: nobody can tell what it is of
        expected = "expected 1 for one host, or 100% for all of them"
    raise ValueError(f"{expected}, not {_found(value)}")


Share = Annotated[
    float,
    BeforeValidator(read_share),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, _PERCENT_TEXT]}),
]
"""A part of some hosts: `0.05` or `5%`."""

Fraction = Annotated[
    float,
    BeforeValidator(_read_fraction),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, _PERCENT_TEXT]}),
]
"""The same, of the whole fleet, and never nothing."""

Count = Annotated[int, Field(ge=0, le=MOST_HOSTS)]
"""A number of hosts."""

Amount = Annotated[
    int | str,
    BeforeValidator(_read_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MOST_HOSTS},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                _PERCENT_TEXT,
            ]
        }
    ),
]
"""A number of hosts, or a part of a group of them: `10`, `5%` or `0.05`; the last is kept as `5%`."""


class OnFailure(StrEnum):
    """What the runner does with a release that passes a threshold."""

    HOLD = "hold"
    REVOKE = "revoke"


class OnTimeout(StrEnum):
    """What the runner does with a wave that takes too long: hold the release, or only end itself."""

    HOLD = "hold"
    STOP = "stop"


class Tolerance(Form):
    """How many hosts may end badly.

    `count` of them are too many whatever the wave's size. More than `share` of those that came so far are too
    many as soon as `minimum` came so far: a wave of one host does not stop the world by accident.
    """

    share: Share | None = None
    count: Annotated[Count, Field(ge=1)] | None = None
    minimum: Annotated[Count, Field(ge=1)] | None = None


class Absence(Tolerance):
    """How many hosts may fall silent, or drop out, after they began to activate; `after` is how long."""

    after: Annotated[timedelta, Field(gt=timedelta(0))] | None = None


class Budget(Form):
    """At most so many hosts of a group may be admitted and not finished at a time.

    `labels` selects hosts, `by` makes one group of all that share a label's value; without both it is the
    fleet. A share is of the group's known hosts, rounded down, but never less than one host.
    """

    by: Short | None = None
    labels: Labels = {}
    at_most: Amount


class Gate(Form):
    """When a wave counts as done, when as failed, and what it needs to be opened.

    What a wave does not say is taken from the release's `gate`, and what that does not say has a default
    (publisher/tidegate_publisher/rollout/plan.py).
    """

    success: Share | None = None
    minimum_hosts: Count | None = None
    ignore_offline: bool | None = None
    failures: Tolerance = Tolerance()
    silence: Absence = Absence()
    dropouts: Absence = Absence()
    soak: Annotated[timedelta, Field(ge=timedelta(0))] | None = None
    timeout: Annotated[timedelta, Field(gt=timedelta(0))] | None = None
    on_failure: OnFailure | None = None
    on_timeout: OnTimeout | None = None
    approval: bool | None = None
    budget: Annotated[tuple[Budget, ...], Field(max_length=limits.ITEMS)] | None = None
    widen_every: Annotated[timedelta, Field(gt=timedelta(0))] | None = None


def share_of(amount: Amount, total: int) -> int:
    """How many hosts an amount stands for in a group of `total`: at least one."""
    if isinstance(amount, int):
        return max(1, amount)
    # Reckoned in whole millionths: 29 % of 100 are 29 hosts and not 28.
    millionths = round(float(amount.removesuffix("%")) * 10_000)
    return max(1, total * millionths // 1_000_000)


def merged(default: Gate, over: Gate) -> Gate:
    """A wave's own gate over the release's: what is written counts, key by key, below `failures` too."""
    fields: dict[str, Any] = {}
    for name in over.model_fields_set:
        value = getattr(over, name)
        if isinstance(value, Tolerance):
            known = getattr(default, name)
            value = known.model_copy(update={key: getattr(value, key) for key in value.model_fields_set})
        fields[name] = value
    return default.model_copy(update=fields)

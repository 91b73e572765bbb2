"""What a message says beyond what this version knows: it is signed too, and a newer host may act on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tidegate_schemas.base import Message

if TYPE_CHECKING:
    from collections.abc import Iterator


def unknown_fields(message: Message) -> list[str]:
    """Each unknown field at any depth, with its value: `predicate.rollout.pace = 2`."""
    return [f"{place} = {json.dumps(value)}" for place, value in _of_message(message, "")]


def _of_message(message: Message, inside: str) -> Iterator[tuple[str, object]]:
    for name, value in message.unknown().items():
        yield inside + name, value
    for name, field in type(message).model_fields.items():
        yield from _of_value(getattr(message, name), inside + (field.alias or name))


def _of_value(value: object, place: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Message):
        yield from _of_message(value, f"{place}.")
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _of_value(one, f"{place}[{number}]")

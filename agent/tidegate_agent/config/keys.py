"""The tree of known keys, read off the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Location: TypeAlias = tuple[str | int, ...]
"""Where a value stands: keys of tables and indices of arrays."""


def key_path(location: Location) -> str:
    """A location as a person writes it: `follow[0].signers[1].issuer`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def known_keys(table: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a table, as they are written in files."""
    return {info.alias or name: info for name, info in table.model_fields.items()}


def table_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the table at a location; None when there is no table with known keys."""
    table: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, int):
            continue
        info = known_keys(table).get(part) if table else None
        table = inner_table(info.annotation) if info else None
    return table


def inner_table(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 # annotations have no common type
    """The model within an annotation such as `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := inner_table(part))), None)


def is_secret(model: type[BaseModel], location: Location) -> bool:
    """Whether a value must never be shown."""
    names = [part for part in location if isinstance(part, str)]
    table = table_at(model, tuple(names[:-1]))
    info = known_keys(table).get(names[-1]) if table and names else None
    return info is not None and (info.annotation is SecretStr or SecretStr in get_args(info.annotation))

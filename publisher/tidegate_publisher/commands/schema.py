"""`tidegate schema`."""

from __future__ import annotations

import json
from typing import Any

import click

from tidegate_publisher.names import nearest
from tidegate_schemas import export, vectors
from tidegate_schemas.codes import REGISTRY


def documents() -> dict[str, str]:
    """Every document that can be printed: its name, and what it is."""
    return {
        **{name: _first_line(model.__doc__) for name, model in export.MODELS.items()},
        "asyncapi": "All topics and messages (AsyncAPI 3).",
        "codes": "Every code with its cause and remedy.",
        "waves": "Golden vectors: which host is in which wave, and when it may start.",
    }


@click.command(short_help="Print the contract: schemas, AsyncAPI, codes, vectors.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--list", "list_names", is_flag=True, help="Only the names, one a line.")
@click.option(
    "--json", "as_json", is_flag=True, help="The list of documents as JSON; documents are JSON anyway."
)
def schema(
    *,
    name: str | None,
    list_names: bool,
    as_json: bool,
) -> None:
    """Print a document of the contract as JSON: a JSON Schema, the AsyncAPI document, codes, vectors.

    Without a name, what there is. Validate your own producers and consumers with these.

    \b
    Examples:
      tidegate schema
      tidegate schema statement > statement.schema.json
      tidegate schema codes | jq '."statement.expired"'

    Refuses a name that it does not know, and names the nearest.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    known = documents()
    if list_names or name is None:
        _print_list(known, names_only=list_names, as_json=as_json)
    elif name in known:
        click.echo(json.dumps(_content(name), indent=2))
    else:
        raise click.UsageError(f"there is no document {name[:40]!r}; {nearest(name, known)}")


def _print_list(known: dict[str, str], *, names_only: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(known))
        return
    for name, text in known.items():
        click.echo(name if names_only else f"{name:<12}{text}")


def _content(name: str) -> dict[str, Any]:
    if name == "asyncapi":
        return export.asyncapi()
    if name == "waves":
        return vectors.waves()
    if name == "codes":
        return {
            code.value: {"cause": entry.cause, "remedy": entry.remedy} for code, entry in REGISTRY.items()
        }
    return export.json_schema(name)


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]

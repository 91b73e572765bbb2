"""`tidegate explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate_publisher.exit_codes import exit_code
from tidegate_publisher.names import nearest
from tidegate_publisher.options.speech import output_options
from tidegate_schemas.codes import REGISTRY, Code

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tidegate_publisher.output import Output


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    return [code.value for code in Code if code.value.startswith(incomplete)]


@click.command(short_help="Say what a code means and what to do.")
@click.argument("code", shell_complete=_complete)
@output_options
def explain(code: str, output: Output) -> None:
    """Say what a code means and what to do about it.

    Every refusal and failure of publisher and hosts carries a code; the registry is closed, and a code keeps
    its meaning for ever. `tidegate schema codes` prints all of them.

    \b
    Example:
      tidegate explain statement.expired

    Refuses a code that does not exist, and names the nearest.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    try:
        known = Code(code.strip("[]"))
    except ValueError:
        hint = nearest(code, [one.value for one in Code])
        raise click.UsageError(f"there is no code {code[:60]!r}; {hint}") from None
    entry = REGISTRY[known]
    status = exit_code(known)
    rows = [
        ("code", known.value),
        ("cause", entry.cause),
        ("remedy", entry.remedy),
        ("exit code", str(int(status))),
    ]
    document = {"code": known.value, "cause": entry.cause, "remedy": entry.remedy, "exitCode": int(status)}
    output.result(rows, document)

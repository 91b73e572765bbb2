"""`tidegate explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from tidegate_publisher.exit_codes import exit_code
from tidegate_publisher.names import closest
from tidegate_publisher.options.speech import output_options
from tidegate_schemas.codes import REGISTRY, Code

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tidegate_publisher.output import Output


_GROUPS: Final = tuple(dict.fromkeys(code.partition(".")[0] for code in Code))


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str | CompletionItem]:
    return [name for name in (*_GROUPS, *Code) if name.startswith(incomplete)]


@click.command(short_help="Say what a code means and what to do.")
@click.argument("code", shell_complete=_complete, metavar="CODE|GROUP")
@output_options
def explain(code: str, output: Output) -> None:
    """Say what a code means and what to do about it. Of a group, list the codes.

    Every refusal and failure of publisher and hosts carries a code; the registry is closed, and a code keeps
    its meaning for ever. `tidegate schema codes` prints all of them.

    \b
    Examples:
      tidegate explain statement.expired
      tidegate explain signature

    Refuses a code that does not exist, and names the nearest, or the groups.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    name = code.strip("[]").removesuffix(".")
    if name in _GROUPS:
        _list_group(name, output)
        return
    try:
        known = Code(name)
    except ValueError:
        raise click.UsageError(f"there is no code {code[:60]!r}; {_hint(name)}") from None
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


def _list_group(group: str, output: Output) -> None:
    causes = {code.value: REGISTRY[code].cause for code in Code if code.startswith(f"{group}.")}
    output.result(list(causes.items()), {"group": group, "codes": causes})


def _hint(name: str) -> str:
    group, _, what = name.partition(".")
    if what and group in _GROUPS:
        # Within a group that is right, all codes are alike: what counts is the rest.
        codes = {code.partition(".")[2]: code.value for code in Code if code.startswith(f"{group}.")}
        near = closest(what, codes)
        return f"did you mean {codes[near]}?" if near else f"known are {', '.join(codes.values())}"
    near = closest(name, [*_GROUPS, *Code])
    return f"did you mean {near}?" if near else f"the groups are {', '.join(_GROUPS)}"

"""`tidegate completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_PLACES = {
    "bash": "~/.local/share/bash-completion/completions/tidegate",
    "zsh": "a file _tidegate in a folder of your $fpath",
    "fish": "~/.config/fish/completions/tidegate.fish",
}


@click.command(short_help="Print a shell's completion script.")
@click.argument("shell", type=click.Choice(list(_PLACES)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes tidegate's commands, options and codes in a shell.

    \b
    Examples:
      tidegate completion bash > ~/.local/share/bash-completion/completions/tidegate
      tidegate completion fish > ~/.config/fish/completions/tidegate.fish
      source <(tidegate completion zsh)

    Refuses shells other than bash, zsh and fish.
    """  # noqa: D301 -- \b is click's mark for lines that stay as they are
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    script = found(ctx.find_root().command, {}, "tidegate", "_TIDEGATE_COMPLETE")
    # The template alone: click's own source() first runs bash to ask for its version.
    click.echo(f"# Goes into {_PLACES[shell]}")
    click.echo(script.source_template % script.source_vars())

"""What a person and a machine get to see: results on stdout, all else on stderr.

With --json the one document (or one a line) is on stdout, and stderr stays silent but for warnings. Text
from outside (a bundle, a host) is stripped of control characters: it must not drive the reader's terminal.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tidegate_schemas.codes import TidegateError

Rows = list[tuple[str, str]]


def printable(text: str) -> str:
    """Text without control characters (C0, C1, direction marks); line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command speaks. Also the Progress port.

    Attributes:
        as_json: results and errors are JSON on stdout.
        quiet: no progress and no notes.
    """

    as_json: bool = False
    quiet: bool = False

    @property
    def _silent(self) -> bool:
        return self.quiet or self.as_json

    @contextlib.contextmanager
    def phase(self, text: str) -> Iterator[None]:
        """See ports.Progress.phase: a spinner on a terminal, nothing elsewhere."""
        console = Console(stderr=True)
        if self._silent or not console.is_terminal:
            yield
            return
        with console.status(Text(f"{printable(text)}…"), spinner="dots"):
            yield

    def note(self, text: str) -> None:
        """See ports.Progress.note."""
        if not self._silent:
            click.secho(printable(text), dim=True, err=True)

    def ask(self, text: str) -> None:
        """Something that a person is wanted for: not to be overlooked among notes."""
        if not self._silent:
            click.secho(printable(text), bold=True, err=True)

    def warn(self, text: str) -> None:
        """Something that should not stay so."""
        click.secho(f"warning: {printable(text)}", fg="yellow", err=True)

    def result(self, rows: Rows, document: Mapping[str, Any]) -> None:
        """A result: labelled rows for a person, or the document."""
        if self.as_json:
            self.line(document)
        else:
            click.echo(_table(rows), nl=False)

    def text(self, text: str, document: Mapping[str, Any]) -> None:
        """A result in words, or the document."""
        if self.as_json:
            self.line(document)
        else:
            click.echo(printable(text))

    def line(self, document: Mapping[str, Any]) -> None:
        """One JSON document on one line. ASCII: so no control character reaches a terminal."""
        click.echo(json.dumps(document, default=str))

    def error(self, error: TidegateError) -> None:
        """An error that has a code: what happened, the code, what to do."""
        self.fault(str(error.code), error.reason, error.remedy)

    def fault(self, code: str, reason: str, remedy: str) -> None:
        """An error on stderr, or as JSON on stdout: what happened (a line for each fault), code, remedy."""
        if self.as_json:
            self.line({"code": code, "reason": reason, "remedy": remedy})
            return
        lines = printable(reason).replace("\n", f"\n{'':<{len('error: ')}}")
        click.secho(f"error: {lines}", fg="red", bold=True, err=True)
        click.echo(f"  [{code}]", err=True)
        click.echo(f"  {printable(remedy)}", err=True)


def _table(rows: Rows) -> str:
    width = max((len(label) for label, _ in rows), default=0)
    lines: list[str] = []
    for label, value in rows:
        first, *more = printable(value).split("\n")
        lines.append(f"{label:<{width}}  {first}".rstrip())
        lines.extend(f"{'':<{width}}  {line}".rstrip() for line in more)
    return "\n".join(lines) + "\n"

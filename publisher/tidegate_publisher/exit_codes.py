"""What a command's exit status says. Documented in `tidegate --help` and docs/cli.md."""

from __future__ import annotations

import textwrap
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExitCode(IntEnum):
    """The exit status of `tidegate`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    TIMED_OUT = 3
    REFUSED = 4


MEANINGS: Final = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "failed; the code says why",
    ExitCode.USAGE: "the command, the release file or a setting is wrong; nothing was tried",
    ExitCode.TIMED_OUT: "not done in time; the same command may be repeated",
    ExitCode.REFUSED: "refused by trust: something does not verify, is not fresh, or is out of order; "
    "nothing was announced",
}

_USAGE_GROUPS: Final = frozenset({"config", "host", "release", "topic"})
_TRUST_GROUPS: Final = frozenset({"sequence", "signature", "statement", "trust"})
_SINGLE: Final = {
    Code.ANNOUNCE_TIMEOUT: ExitCode.TIMED_OUT,
    Code.ANNOUNCE_UNVERIFIED: ExitCode.REFUSED,
    Code.IMAGE_SIGNATURE: ExitCode.REFUSED,
    Code.IMAGE_SIGNATURE_FORMAT: ExitCode.REFUSED,
    Code.IMAGE_UNSIGNED: ExitCode.REFUSED,
    Code.PAGE_UNSAFE: ExitCode.USAGE,
    Code.REFERENCE_INVALID: ExitCode.USAGE,
    Code.REQUEST_INVALID: ExitCode.USAGE,
}


def epilog(meanings: Iterable[tuple[int, str]]) -> str:
    """Exit codes at the end of a help text, no wider than a terminal of 80 columns."""
    lines = []
    for code, text in meanings:
        lines += textwrap.wrap(text, 76, initial_indent=f"  {code:d}  ", subsequent_indent="     ")
    return "\b\nExit codes:\n" + "\n".join(lines)


def exit_code(code: Code) -> ExitCode:
    """The exit status for an error with this code."""
    group = code.partition(".")[0]
    if code in _SINGLE:
        return _SINGLE[code]
    if group in _USAGE_GROUPS:
        return ExitCode.USAGE
    return ExitCode.REFUSED if group in _TRUST_GROUPS else ExitCode.FAILED

"""Handing over a signed statement as a file, rather than announcing it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_publisher import wiring
from tidegate_publisher.atomic_file import write_whole
from tidegate_publisher.report import outcome_document, outcome_rows

if TYPE_CHECKING:
    from tidegate_publisher.announce import Outcome
    from tidegate_publisher.output import Output

_STDOUT: Final = Path("-")


def deliver(outcome: Outcome, into: Path, output: Output) -> None:
    """Write what was signed, and say so; on stdout it stands alone.

    Raises:
        TidegateError: DISK_IO.
    """
    if into == _STDOUT:
        sys.stdout.buffer.write(outcome.signed.bundle + b"\n")
        return
    write_whole(into, outcome.signed.bundle)
    rows = outcome_rows(outcome, wiring.clock.now(), f"signed into {into}, not announced")
    output.result(rows, {**outcome_document(outcome), "bundle": str(into)})

"""The whole of an enrolment, from sources to what a person is told."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_agent.config import load
from tidegate_agent.enrolment.entry import RECORD_NAME
from tidegate_agent.enrolment.installing import install
from tidegate_agent.enrolment.plan import plan
from tidegate_agent.enrolment.record import changes, conflicts, with_record
from tidegate_agent.enrolment.rehearsal import Rehearsal
from tidegate_agent.enrolment.source import read_sources
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import PurePosixPath

    from tidegate_agent.enrolment.plan import Planned


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of it.

    Attributes:
        changed: whether anything was, or would be, written.
        lines: what was written and what is in force, for a person.
        warnings: what works but should not stay so.
    """

    changed: bool
    lines: tuple[str, ...]
    warnings: tuple[str, ...]


def enrol(
    sources: Sequence[Path],
    folder: Path,
    places: Sequence[Path],
    *,
    dry_run: bool = False,
    force: bool = False,
) -> Enrolled:
    """Make a folder of configuration hold what the sources say, if the agent could work with it.

    What an earlier enrolment put there and the sources do not hold any more is removed; other people's files
    stay. Enrolling the same again changes nothing.

    Args:
        sources: files and folders, as `source` describes them.
        folder: where the configuration is to be.
        places: all folders of configuration on this host, in ascending precedence.
        dry_run: only look, and tell.
        force: also replace files that somebody else wrote or changed.

    Raises:
        TidegateError: CONFIG_MISSING, CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_UNKNOWN_KEY, TRUST_KEY_UNUSABLE and
            their like when the sources are refused; DISK_FULL and DISK_IO. Then nothing was changed.
    """
    folder = Path(folder.absolute())
    files = with_record(plan(read_sources(sources), folder))
    if not force:
        _require_own(folder, files)
    todo = changes(folder, files)
    gone = [place for place, what in todo.items() if what == "removed"]
    in_force, warnings = Rehearsal(folder, places, files, gone).lines()
    if todo and not dry_run:
        everywhere = tuple(places) if folder in places else (*places, folder)
        try:
            install(folder, files, gone, lambda: load(everywhere))
        except OSError as error:
            code = Code.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Code.DISK_IO
            reason = f"{folder} cannot be written: {error.strerror}; nothing was changed"
            raise ConfigError(code, reason) from error
    lines = [*_told(files, todo, folder), "in force:", *(f"  {line}" for line in in_force)]
    return Enrolled(bool(todo), tuple(lines), tuple(warnings))


def _require_own(folder: Path, files: Mapping[PurePosixPath, Planned]) -> None:
    found = conflicts(folder, files)
    if found:
        names = ", ".join(str(folder / place) for place in found)
        reason = (
            f"{names}: not written by enrol, or changed since; move what has to stay into a drop-in of its"
            " own, or enrol with --force, which replaces it"
        )
        raise ConfigError(Code.CONFIG_VALUE, reason)


def _told(
    files: Mapping[PurePosixPath, Planned], todo: Mapping[PurePosixPath, str], folder: Path
) -> list[str]:
    lines = []
    for place in sorted({*files, *todo}):
        if str(place) == RECORD_NAME:
            continue
        mode = f"{files[place].mode:04o}" if place in files else "    "
        lines.append(f"  {todo.get(place, 'unchanged'):9}  {mode}  {folder / place}")
    return lines

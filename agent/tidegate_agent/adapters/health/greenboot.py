"""greenboot's health checks: the scripts in check/required.d and check/wanted.d, run as greenboot runs them.

In /usr/lib/greenboot, then in /etc/greenboot, each folder in the order of names; what ends in ".sh" is read
by bash, also where it may not be executed, and other files are run if they may. Those that greenboot.conf
names in DISABLED_HEALTHCHECKS are left out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.health.answer import Answer, failed
from tidegate_agent.adapters.health.command import ask_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDERS: Final = (Path("/usr/lib/greenboot"), Path("/etc/greenboot"))
SCRIPTS: Final = 256
"""How many scripts of a folder are run; more are a failure."""

_DISABLED: Final = re.compile(r"^\s*DISABLED_HEALTHCHECKS=\(([^)]*)\)", re.MULTILINE)
_CONFIG_BYTES: Final = 64 * 1024


def ask_greenboot(
    folders: Sequence[Path], timeout_s: float, until: float
) -> Iterator[tuple[str, bool, Answer]]:
    """Each script's name, whether it is required, and its answer.

    Args:
        folders: greenboot's.
        timeout_s: how long each script may take, in seconds.
        until: when the round ends, on the monotonic clock; scripts that it does not reach have failed.
    """
    disabled = _disabled(folders)
    for kind in ("required.d", "wanted.d"):
        for folder in folders:
            required, place = kind == "required.d", folder / "check" / kind
            try:
                scripts = [each for each in _scripts(place) if each.name not in disabled]
            except OSError as error:
                yield f"{place}", required, failed(f"cannot be read: {error.strerror}")
                continue
            for script in scripts[:SCRIPTS]:
                left = min(timeout_s, until - time.monotonic())
                yield f"{kind}/{script.name}", required, _run(script, left)
            if len(scripts) > SCRIPTS:
                yield f"{place}", required, failed(f"holds more than {SCRIPTS} scripts")


def _scripts(folder: Path) -> list[Path]:
    """The scripts of a folder, by name; none when it is not there."""
    try:
        names = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except FileNotFoundError:
        return []
    return [each for each in names if each.is_file() and (each.suffix == ".sh" or os.access(each, os.X_OK))]


def _run(script: Path, timeout_s: float) -> Answer:
    if timeout_s <= 0:
        return failed("not run: the round's time was used up")
    shell = (shutil.which("bash") or "sh",) if script.suffix == ".sh" else ()
    return ask_command((*shell, str(script)), script.name, timeout_s)


def _disabled(folders: Sequence[Path]) -> frozenset[str]:
    """Names in DISABLED_HEALTHCHECKS. A configuration that cannot be read disables nothing."""
    names: set[str] = set()
    for folder in folders:
        try:
            with (folder / "greenboot.conf").open(encoding="utf-8", errors="replace") as file:
                text = file.read(_CONFIG_BYTES)
            names.update(*(shlex.split(found, comments=True) for found in _DISABLED.findall(text)))
        except (OSError, ValueError):
            continue
    return frozenset(names)

"""Programs in a directory that may object to an activation: anybody's own reasons, in anybody's own words.

Each is run without arguments. Exit status 0 means that it has no objection; anything else is one, and so is
no answer in time. The last line of its output says why. The agent runs them with its own rights, so neither
they nor their directory may be writable by others.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.own_place import require_unshared_folder
from tidegate_agent.errors import ConfigError
from tidegate_agent.plaintext import one_line
from tidegate_agent.process import run

if TYPE_CHECKING:
    from pathlib import Path

HOOKS: Final = 32
"""How many there may be."""

REASON_CHARACTERS: Final = 200
"""How much of a reason is passed on."""

ALL_WITHIN_S: Final = 60.0
"""How long all of them may take together, in seconds."""

_LEFTOVERS: Final = ("~", ".bak", ".disabled", ".dpkg-dist", ".dpkg-new", ".dpkg-old", ".rpmnew", ".rpmsave")


class InhibitHooks:
    """The hooks of one directory, in the order of their names.

    Args:
        directory: where they are; none of them is needed, and neither is it.
        timeout_s: how long each may take, in seconds.
    """

    def __init__(self, directory: Path, timeout_s: float = 10.0) -> None:
        self._directory = directory
        self._timeout_s = timeout_s

    def objections(self) -> list[str]:
        """One sentence for each objection. Never raises: what goes wrong is an objection."""
        try:
            require_unshared_folder(self._directory, "the directory")
            hooks = self._hooks()
        except FileNotFoundError:
            return []
        except OSError as error:
            return [f"{self._directory} cannot be read ({error.strerror}), which counts as an objection"]
        except ConfigError as error:
            return [f"{error.reason}; its hooks are not run, which counts as an objection"]
        if len(hooks) > HOOKS:
            return [f"{self._directory} holds more than {HOOKS} hooks, which counts as an objection"]
        deadline = time.monotonic() + ALL_WITHIN_S
        return [said for hook in hooks if (said := self._ask(hook, deadline)) is not None]

    def _hooks(self) -> list[Path]:
        found = sorted(self._directory.iterdir())
        return [each for each in found if _is_hook(each)]

    def _ask(self, hook: Path, deadline: float) -> str | None:
        if (how := _others_may_write(hook)) is not None:
            return f"{hook} is not run, for others may write to it ({how}), which counts as an objection"
        patience = min(self._timeout_s, deadline - time.monotonic())
        if patience <= 0:
            return f"{hook} was not asked, for the others took too long, which counts as an objection"
        try:
            finished = run((str(hook),), patience)
        except OSError as error:
            return f"{hook} cannot be run ({error.strerror}), which counts as an objection"
        if finished.status is None:
            return f"{hook} gave no answer within {patience:.0f} s, which counts as an objection"
        if finished.status == 0:
            return None
        lines = finished.output.splitlines() or [f"exit status {finished.status}"]
        return f"{hook.name} objects: {one_line(lines[-1])[:REASON_CHARACTERS]}"


def _others_may_write(hook: Path) -> str | None:
    """How somebody else than root and the agent's own user could change a program that the agent runs."""
    found = hook.stat()
    if found.st_uid not in {0, os.geteuid()}:
        return f"it is owned by user {found.st_uid}"
    writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return f"mode {stat.S_IMODE(found.st_mode):04o}" if writable else None


def _is_hook(path: Path) -> bool:
    """Whether it is meant to be run: a program, and not what an editor or a package manager left behind."""
    leftover = path.name.startswith(".") or path.name.endswith(_LEFTOVERS)
    return not leftover and path.is_file() and os.access(path, os.X_OK)

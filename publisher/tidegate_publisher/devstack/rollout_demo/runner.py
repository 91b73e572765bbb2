"""How the demo runs `tidegate`, as a user would, and reads what it says in JSON."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from tidegate_publisher.devstack.demo.processes import Child
from tidegate_publisher.devstack.demo.programs import clean_environment
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COMMAND_S: Final = 120.0
_TAIL_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of nats-server and tidegate."""

    broker: str
    tidegate: str


class Runner:
    """A context manager: leaving it ends every child.

    Args:
        root: where logs are written.
        tidegate: the program's path.
    """

    def __init__(self, root: Path, tidegate: str) -> None:
        self._root = root
        self._tidegate = tidegate
        self._children = ExitStack()

    def __enter__(self) -> Self:
        self._children.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    def keep(self, close: Callable[[], object]) -> None:
        """Have something closed at the end, before what was there earlier."""
        self._children.callback(close)

    def start(self, name: str, words: list[str], patience_s: float = 10.0) -> Child:
        """Start `tidegate` with these words; its own words go to `name`.log."""
        command = [self._tidegate, *words]
        child = Child(f"tidegate {words[0]}", Code.INTERNAL_ERROR, self._root / f"{name}.log", command)
        self._children.callback(child.stop, patience_s)
        return child

    def run(self, *words: str) -> None:
        """Run `tidegate` to its end.

        Raises:
            TidegateError: INTERNAL_ERROR, it failed.
        """
        done = subprocess.run(
            [self._tidegate, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=clean_environment(os.environ),
            timeout=_COMMAND_S,
            check=False,
            text=True,
        )
        if done.returncode != 0:
            reason = f"tidegate {words[0]} failed: {(done.stderr or done.stdout).strip()[-600:]}"
            raise TidegateError(Code.INTERNAL_ERROR, reason)

    def last_documents(self, name: str) -> list[dict[str, Any]]:
        """The JSON documents at the end of what a child said; a line that is not whole yet is left out."""
        path = self._root / f"{name}.log"
        if not path.exists():
            return []
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = log.read().split(b"\n")[:-1]
        found = []
        for line in lines:
            with suppress(ValueError):
                document = json.loads(line)
                found += [document] if isinstance(document, dict) else []
        return found

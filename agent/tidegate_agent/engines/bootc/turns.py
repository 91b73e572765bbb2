"""One engine at a time on a host's deployments, whoever made it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tidegate_agent.engines.images.space import disk_errors
from tidegate_agent.errors import EngineError
from tidegate_agent.held_file import held
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def turn(path: Path, code: Code) -> Iterator[None]:
    """Hold a lock file, at once or not at all; the kernel lets go of it however the process ends (flock(2)).

    The tool's own lock keeps its store in order, call by call. This keeps together what takes several calls.

    Args:
        path: the lock file; it and its folder are made.
        code: the code for a fault of the disk that has none of its own.

    Raises:
        EngineError: ENGINE_BUSY, retryable, when another holds it; `code`, DISK_FULL or DISK_IO.
    """
    reason = f"another image engine is at work on this host and holds {path}"
    with ExitStack() as stack:
        with disk_errors(code, "locking", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(path, EngineError(Code.ENGINE_BUSY, reason, retryable=True)))
        yield

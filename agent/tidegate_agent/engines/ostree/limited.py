"""The `ostree` command with this engine's limits of time, and its failures as this engine's codes."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

from tidegate_agent.engines.complaints import DISK, Complaints
from tidegate_agent.engines.tool import OUTPUT_BYTES, Tool, never

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_agent.engines.tool import Output
    from tidegate_agent.errors import EngineError
    from tidegate_schemas.codes import Code

_COMPLAINTS: Final = Complaints(*DISK)


class Limited:
    """Runs `ostree`.

    Args:
        command: the program and what comes first.
        query_s: seconds for what only asks, or writes a name.
        work_s: seconds for what reads or writes an image.
    """

    def __init__(self, command: Sequence[str], query_s: float, work_s: float) -> None:
        self._tool = Tool(command)
        self._query_s = query_s
        self._work_s = work_s

    def attempt(self, *words: str) -> Output:
        """Run a query to its end, whatever it answers.

        Raises:
            EngineError: an ENGINE_* code.
        """
        return self._tool.run(*words, timeout_s=self._query_s)

    def query(self, *words: str, code: Code, output_bytes: int = OUTPUT_BYTES) -> bytes:
        """Run a query. What it printed.

        Raises:
            EngineError: `code` when it failed, DISK_FULL, DISK_IO, or an ENGINE_* code.
        """
        output = self._tool.run(*words, timeout_s=self._query_s, output_bytes=output_bytes)
        return self._passed(output, words, code)

    def work(
        self,
        *words: str,
        code: Code,
        stdin: IO[bytes] | None = None,
        cancelled: Callable[[], bool] = never,
    ) -> bytes:
        """Run what takes its time. What it printed. Raises as `query`, and Cancelled."""
        output = self._tool.run(*words, timeout_s=self._work_s, stdin=stdin, cancelled=cancelled)
        return self._passed(output, words, code)

    def failure(self, output: Output, words: tuple[str, ...], code: Code) -> EngineError:
        """The error for a run that failed."""
        return _COMPLAINTS.error(output.stderr, self._tool.failure(output, *words), code)

    def _passed(self, output: Output, words: tuple[str, ...], code: Code) -> bytes:
        if output.status != 0:
            raise self.failure(output, words, code)
        return output.stdout

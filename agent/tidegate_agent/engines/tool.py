"""The one way in which engines run the command-line tools that they drive.

No shell, no terminal, a clean environment, a process group that is gone at the end, capped output, bounded
time. Every way in which this can fail is an EngineError with a sentence that names the command.
"""

from __future__ import annotations

import errno
import json
import shlex
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Final

from tidegate_agent.engines.child import ProgressPipe, Unstartable, attend, started
from tidegate_agent.engines.patience import Patience, TimeUp
from tidegate_agent.engines.sinks import Lines, Tail, TooMuch, Whole
from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_agent.process import ENVIRONMENT, printable
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

OUTPUT_BYTES: Final = 2**20
"""How much a tool may print on stdout by default."""

_NETWORK: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_REASON_CHARACTERS: Final = 500
_STDERR_BYTES: Final = 8192
_TRANSIENT: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY})


def never() -> bool:
    """The answer of a caller that does not cancel."""
    return False


def network_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Proxies and certificate authorities, for tools that fetch: all else in the environment stays out."""
    names = (*_NETWORK, *(name.lower() for name in _NETWORK if name.endswith("_PROXY")))
    return {name: environ[name] for name in names if name in environ}


@dataclass(frozen=True, slots=True)
class Output:
    """How a tool ended and what it said.

    Attributes:
        status: the exit status; negative when a signal ended it.
        stdout: all of it; of a watched run the last 8 KiB of what was not handed over as lines.
        stderr: its end, at most 8 KiB, harmless to a terminal or a log.
    """

    status: int
    stdout: bytes
    stderr: str


class Tool:
    """A command-line tool. It keeps nothing between two runs.

    Args:
        command: the program, looked for on the usual PATH, and the arguments that always come first.
        environment: variables beside PATH, LANG and HOME; nothing else of the agent's own is passed on.

    Attributes:
        command: as it was given.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] = _NOTHING) -> None:
        self.command = tuple(command)
        self._environment = ENVIRONMENT | dict(environment)

    def words(self, *arguments: str) -> str:
        """The command with these arguments as a person would type it, shortened."""
        text = one_line(shlex.join((*self.command, *arguments)))
        return text if len(text) <= _REASON_CHARACTERS else f"{text[:_REASON_CHARACTERS]}…"

    def run(
        self,
        *arguments: str,
        timeout_s: float,
        stdin: bytes | IO[bytes] | None = None,
        output_bytes: int = OUTPUT_BYTES,
        cancelled: Callable[[], bool] = never,
    ) -> Output:
        """Run it to its end, whatever its exit status.

        Args:
            arguments: what follows the command.
            timeout_s: how long it may take, in seconds.
            stdin: what it reads: bytes, or an open file or pipe; nothing by default.
            output_bytes: how much it may print on stdout.
            cancelled: asked about every tenth of a second.

        Raises:
            EngineError: ENGINE_MISSING when it cannot be started; ENGINE_TIMEOUT, retryable, when its time is
                up; ENGINE_OUTPUT when it printed more than that.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        patience = Patience(timeout_s, inf, cancelled)
        stdout, stderr = Whole(output_bytes), Tail(_STDERR_BYTES)
        with self._failures(arguments):
            patience.look()
            with started((*self.command, *arguments), self._environment, stdin) as process:
                status = attend(process, (stdout, stderr), patience)
        return Output(status, bytes(stdout.kept), printable(stderr.kept))

    def check(
        self,
        *arguments: str,
        code: Code,
        timeout_s: float,
        stdin: bytes | IO[bytes] | None = None,
        output_bytes: int = OUTPUT_BYTES,
        cancelled: Callable[[], bool] = never,
    ) -> Output:
        """Run it as `run` does, and take any exit status but 0 for a failure.

        Raises:
            EngineError: as `run`, or `code` with the end of what it said on stderr.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        output = self.run(
            *arguments, timeout_s=timeout_s, stdin=stdin, output_bytes=output_bytes, cancelled=cancelled
        )
        if output.status != 0:
            raise EngineError(code, self.failure(output, *arguments), retryable=True)
        return output

    def failure(self, output: Output, *arguments: str) -> str:
        """A sentence on a run that failed: the command, how it ended, and the end of what it said."""
        how = (
            f"was ended by signal {-output.status}"
            if output.status < 0
            else f"failed with status {output.status}"
        )
        said = one_line(output.stderr[-_REASON_CHARACTERS:]) or "it said nothing"
        return f"`{self.words(*arguments)}` {how}: {said}"

    def json(
        self,
        *arguments: str,
        code: Code,
        timeout_s: float,
        output_bytes: int = OUTPUT_BYTES,
        cancelled: Callable[[], bool] = never,
    ) -> object:
        """Run it as `check` does, and parse what it printed as JSON (RFC 8259).

        Raises:
            EngineError: as `check`; ENGINE_OUTPUT when it is not JSON.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        output = self.check(
            *arguments, code=code, timeout_s=timeout_s, output_bytes=output_bytes, cancelled=cancelled
        )
        return self.parse_json(output, *arguments)

    def parse_json(self, output: Output, *arguments: str) -> object:
        """What a run printed, as JSON.

        Raises:
            EngineError: ENGINE_OUTPUT, retryable, when it is not.
        """
        try:
            parsed: object = json.loads(output.stdout)
        except (ValueError, RecursionError) as error:
            begin = one_line(output.stdout[:80].decode(errors="replace"))
            raise EngineError(
                Code.ENGINE_OUTPUT,
                f"`{self.words(*arguments)}` printed something that is not JSON, and begins with {begin!r}",
                retryable=True,
            ) from error
        return parsed

    def watch(
        self,
        *arguments: str,
        on_line: Callable[[bytes], None],
        progress_fd: bool,
        stall_s: float,
        timeout_s: float,
        cancelled: Callable[[], bool] = never,
    ) -> Output:
        """Run it as `run` does, and hand over the lines of its progress as they come.

        Args:
            arguments: what follows the command; "{fd}" is replaced by the number of the progress pipe.
            on_line: gets each line without its end, cut to 64 KiB. What it raises ends the tool.
            progress_fd: whether the lines come from a pipe of their own, rather than from stdout.
            stall_s: how long it may go without a line, in seconds.
            timeout_s: how long it may take, in seconds.
            cancelled: asked about every tenth of a second.

        Raises:
            EngineError: ENGINE_MISSING; ENGINE_TIMEOUT, also when no line came for too long.
            tidegate_wire.registry.source.Cancelled: `cancelled()` turned true.
        """
        patience = Patience(timeout_s, stall_s, cancelled)

        def take(line: bytes) -> None:
            patience.progressed()
            on_line(line)

        lines, stdout, stderr = Lines(take), Tail(_STDERR_BYTES), Tail(_STDERR_BYTES)
        with self._failures(arguments), closing(ProgressPipe()) as pipe:
            patience.look()
            words = _numbered(arguments, pipe.writing) if progress_fd else arguments
            inherit = (pipe.writing,) if progress_fd else ()
            with started((*self.command, *words), self._environment, None, inherit) as process:
                pipe.hand_over()
                if progress_fd:
                    status = attend(process, (stdout, stderr), patience, {pipe.reading: lines})
                else:
                    status = attend(process, (lines, stderr), patience)
            lines.end()
        return Output(status, stdout.kept, printable(stderr.kept))

    @contextmanager
    def _failures(self, arguments: Sequence[str]) -> Iterator[None]:
        """Turn what a run raises into EngineError."""
        words = self.words(*arguments)
        try:
            yield
        except Unstartable as error:
            cause = error.__cause__
            why = cause.strerror if isinstance(cause, OSError) else ""
            passing = isinstance(cause, OSError) and cause.errno in _TRANSIENT
            raise EngineError(
                Code.ENGINE_MISSING, f"`{words}` cannot be started: {why}", retryable=passing
            ) from error
        except TimeUp as error:
            raise EngineError(Code.ENGINE_TIMEOUT, f"`{words}` was ended: {error}", retryable=True) from error
        except TooMuch as error:
            raise EngineError(Code.ENGINE_OUTPUT, f"`{words}` was ended: {error}", retryable=True) from error


def _numbered(arguments: Sequence[str], descriptor: int) -> tuple[str, ...]:
    return tuple(word.replace("{fd}", str(descriptor)) for word in arguments)

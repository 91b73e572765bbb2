"""A process that is kept for a while after its answer: questions that come in numbers share its start.

Question and answer are frames (`frames`): each question has a nonce, which its answer has to bear. A process
that hangs, dies, babbles or answers out of step is ended, and so is one that has answered often enough, lived
long enough or been idle for a moment: a thread that lives as long as the process sees to it, so that it is
gone whatever it does, and nothing is left running in between.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tidegate_agent.adapters import frames
from tidegate_agent.adapters.child_process import ChildError, Pipes, converse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class UsedChildError(ChildError):
    """A process that had answered others before did not answer: what it had read before may be why."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a process is kept.

    Attributes:
        answers: how many it gives at most.
        idle_s: seconds after an answer.
        life_s: seconds from its start.
    """

    answers: int = 64
    idle_s: float = 2.0
    life_s: float = 30.0


class Reply(NamedTuple):
    """An answer, and whether it is the first of the process that gave it."""

    body: bytes
    first: bool


class KeptChild:
    """Thread-safe; one question at a time.

    Args:
        command: program and arguments; no shell.
        environment: the whole environment.
        timeout_s: seconds for each answer.
        cap: the largest answer in bytes.
        keeping: how long a process is kept.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout_s: float,
        cap: int,
        keeping: Keeping,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._timeout_s = timeout_s
        self._cap = cap
        self._keeping = keeping
        self._changed = threading.Condition()
        self._pipes: Pipes | None = None
        self._answered = 0
        self._born = 0.0
        self._until = 0.0

    def ask(self, question: bytes, *, fresh: bool = False) -> Reply:
        """Put a question to the process; to a fresh one where none is kept, or where that is asked for.

        Raises:
            ChildError: it could not be started, printed too much or took too long; or a fresh one died or
                broke the rules.
            UsedChildError: one that had answered before died or broke the rules.
        """
        with self._changed:
            if fresh:
                self._drop()
            deadline = time.monotonic() + self._timeout_s
            pipes = self._kept() or self._start()
            first = self._answered == 0
            try:
                answer = self._put(pipes, question, deadline)
            except TimeoutError as error:
                self._drop()
                raise ChildError(f"it took longer than {self._timeout_s:g} s") from error
            except ChildError as error:
                self._drop()
                raise (error if first else UsedChildError(str(error))) from error
            self._answered += 1
            self._until = min(time.monotonic() + self._keeping.idle_s, self._born + self._keeping.life_s)
            if self._answered >= self._keeping.answers:
                self._drop()
            return Reply(answer, first)

    def close(self) -> None:
        """End the process, if one is kept. Idempotent; a later question starts another."""
        with self._changed:
            self._drop()

    def _kept(self) -> Pipes | None:
        if self._until <= time.monotonic():
            self._drop()
        return self._pipes

    def _start(self) -> Pipes:
        pipes = self._pipes = converse(self._command, self._environment)
        self._answered, self._born = 0, time.monotonic()
        # The question holds the lock until its own deadline; the watch looks again when it is answered.
        self._until = self._born + self._timeout_s
        try:
            threading.Thread(target=self._watch, args=(pipes,), name="kept child", daemon=True).start()
        except RuntimeError as error:
            self._drop()
            raise ChildError(f"it could not be watched: {error}") from error
        return pipes

    def _watch(self, pipes: Pipes) -> None:
        with self._changed:
            while self._pipes is pipes and (left := self._until - time.monotonic()) > 0:
                self._changed.wait(left)
            if self._pipes is pipes:
                self._drop()

    def _drop(self) -> None:
        pipes, self._pipes = self._pipes, None
        if pipes is not None:
            pipes.end()
            self._changed.notify_all()

    def _put(self, pipes: Pipes, question: bytes, deadline: float) -> bytes:
        if pipes.talks():
            raise ChildError("it spoke out of turn, or ended")
        nonce = secrets.token_bytes(frames.NONCE_BYTES)
        pipes.write(frames.pack(nonce, question), deadline)
        found, length = frames.read_header(pipes.read(frames.HEADER_BYTES, deadline))
        if found != nonce:
            raise ChildError("it answered another question")
        if length > self._cap:
            raise ChildError(f"it printed more than {self._cap} bytes")
        return pipes.read(length, deadline)

"""The control socket: one JSON line in, one JSON line out, for root and the agent's own user.

The kernel says who calls, and who answers (SO_PEERCRED, unix(7)); the directory's mode keeps others out
before that.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from tidegate_agent.adapters.own_place import make_own_folder, require_unshared_folder
from tidegate_agent.errors import ConfigError, ControlError
from tidegate_schemas import jsontext, limits
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SOCKET_NAME: Final = "control.sock"
REQUEST_BYTES: Final = 2 * limits.STATEMENT_BYTES
"""The largest request: one that brings a statement, in base64."""

ANSWER_BYTES: Final = 1024 * 1024
_NAME: Final = "state.runtime_directory"

CALLER_WITHIN_S: Final = 2.0
"""How long one caller may take, while others wait; in seconds."""

ANSWER_WITHIN_S: Final = 15.0
"""How long a caller waits for the answer: the agent may hear another one out first; in seconds."""


class ControlServer:
    """Serves one caller after the other on a thread of its own.

    Args:
        directory: where the socket is made; created if needed, for the owner alone.
        answer: answers one request; called on the server's thread.
        patience_s: how long one caller may take to say what it wants, and to take the answer, in seconds.

    Raises:
        ConfigError: CONFIG_VALUE, when others could put something else in the socket's place.
    """

    def __init__(
        self,
        directory: Path,
        answer: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        patience_s: float = CALLER_WITHIN_S,
    ) -> None:
        self._path = directory / SOCKET_NAME
        self._patience_s = patience_s
        self._answer = answer
        make_own_folder(directory, _NAME)
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self._path))
        self._path.chmod(0o600)
        self._socket.listen(4)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and remove the socket."""
        # shutdown wakes accept; close alone would leave it waiting.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._thread.is_alive():
            self._thread.join(ANSWER_WITHIN_S)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller:
                try:
                    self._converse(caller)
                except (OSError, ValueError, TidegateError) as error:
                    logger.warning("the control socket's caller was not understood: {}", error)
                except Exception as error:  # noqa: BLE001 - one bad answer must not end the thread for all
                    logger.opt(exception=error).error("[{}] unexpected: {}", Code.INTERNAL_ERROR, error)

    def _converse(self, caller: socket.socket) -> None:
        # Read before refusing: a caller whose writing is cut off would not see the answer.
        line = _line(caller, REQUEST_BYTES, self._patience_s)
        if not _may_call(caller):
            reason = "only root and the agent's own user may talk to it"
            answer: Mapping[str, Any] = {"ok": False, "code": Code.CONTROL_UNREACHABLE, "reason": reason}
        else:
            request = jsontext.parse(line, REQUEST_BYTES)
            answer = self._answer(request if isinstance(request, dict) else {})
        caller.settimeout(self._patience_s)
        caller.sendall(json.dumps(answer).encode() + b"\n")


def ask(directory: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the running agent one thing.

    Raises:
        ControlError: CONTROL_UNREACHABLE, or the code with which it refused.
        ConfigError: CONFIG_VALUE, when others could have put their own socket in the agent's place.
    """
    path = directory / SOCKET_NAME
    try:
        owner = require_unshared_folder(directory, _NAME)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
            agent.settimeout(ANSWER_WITHIN_S)
            agent.connect(str(path))
            if (user := _peer(agent)) not in (0, owner):
                reason = (
                    f"user {user} answers on {path}, which belongs to user {owner}: find out what that is"
                )
                raise ConfigError(Code.CONFIG_VALUE, reason)
            agent.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(_line(agent, ANSWER_BYTES, ANSWER_WITHIN_S))
    except (OSError, ValueError) as error:
        raise ControlError(Code.CONTROL_UNREACHABLE, f"no agent answers on {path}: {error}") from error
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        found = answer if isinstance(answer, dict) else {}
        raise ControlError(_code(found.get("code")), str(found.get("reason", "no reason")))
    return answer


def _code(found: object) -> Code:
    # A newer agent may know more codes than this command.
    try:
        return Code(str(found))
    except ValueError:
        return Code.INTERNAL_ERROR


def _may_call(caller: socket.socket) -> bool:
    return _peer(caller) in (0, os.getuid())


def _peer(other: socket.socket) -> int:
    """The user on the other side."""
    _, uid, _ = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)


def _line(stream: socket.socket, limit: int, within_s: float) -> bytes:
    received, deadline = b"", time.monotonic() + within_s
    while not received.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            # In all, not for each piece: who sends a byte now and then is as silent as who sends none.
            message = f"no whole line within {within_s:g} s"
            raise TimeoutError(message)
        stream.settimeout(left)
        part = stream.recv(65536)
        if not part:
            message = "the other side hung up"
            raise ValueError(message)
        received += part
        if len(received) > limit:
            message = f"more than {limit} bytes"
            raise ValueError(message)
    return received

"""A root shell in the guest over its second serial line, for looking around; see images.py."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_READ_BYTES = 65536


class Shell:
    """One shell, which is there as soon as the login prompt is; each call runs one command in it.

    Args:
        path: the socket that QEMU serves the line on. One connection at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(self, command: str, timeout_s: float = 180.0) -> str:
        """The output of a command, both streams, which must end with status 0."""
        token = secrets.token_hex(8)
        # The line echoes what is typed: the token is in two parts there, and whole only in the answer.
        head, tail = token[:8], token[8:]
        line = f"stty -echo; echo {head}''{tail}; ( {command} ) 2>&1; echo {head}''{tail} $?\n"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(self._path))
            connection.sendall(line.encode())
            output = self._read(connection, token, command)
        answer, _, status = output.rpartition(token)
        assert status.strip() == "0", f"{command}: {answer} (status {status.strip()})"
        return answer.strip()

    @staticmethod
    def _read(connection: socket.socket, token: str, command: str) -> str:
        """All between the two lines with the token, and what follows the second."""
        raw = b""
        while raw.count(token.encode()) < 2 or not raw.endswith(b"\n", raw.rfind(token.encode())):
            chunk = connection.recv(_READ_BYTES)
            assert chunk, f"the shell's line ended at {command}"
            raw += chunk
        return raw.decode(errors="replace").replace("\r\n", "\n").split(token, 1)[1]

"""Serves a folder over HTTP/1.1 on loopback: `python fileserver.py FOLDER`; prints its port.

`ostree pull` asks for thousands of small files over few connections that stay open. Everything is sent by
write(2), which the kernel counts for the process (see procfs.bytes_written), as it does not for send(2).
"""

from __future__ import annotations

import os
import socketserver
import sys
from pathlib import Path

_LINE_BYTES = 8192
_OK, _ABSENT = b"200 OK", b"404 Not Found"


class Handler(socketserver.StreamRequestHandler):
    """One connection, with any number of requests."""

    disable_nagle_algorithm = True
    root = Path()

    def handle(self) -> None:
        """Answer until the client has enough."""
        while request := self.rfile.readline(_LINE_BYTES):
            while self.rfile.readline(_LINE_BYTES) not in (b"\r\n", b""):
                pass
            self._answer(request.split(b" ")[1].decode())

    def _answer(self, target: str) -> None:
        path = (self.root / target.lstrip("/")).resolve()
        there = path.is_relative_to(self.root) and path.is_file()
        content = path.read_bytes() if there else b""
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (_OK if there else _ABSENT, len(content))
        left = memoryview(head + content)
        while left:
            left = left[os.write(self.connection.fileno(), left) :]


class Server(socketserver.ThreadingTCPServer):
    """Its threads do not keep it from ending."""

    daemon_threads = True
    request_queue_size = 64


def main(folder: str) -> None:
    """Serve until the process is ended."""
    Handler.root = Path(folder).resolve()
    with Server(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])

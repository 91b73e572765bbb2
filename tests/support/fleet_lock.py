"""A FleetLock server for tests: all that the protocol says, on loopback, with a record of who was granted.

Source: https://coreos.github.io/zincati/development/fleetlock/protocol/. tests/contract/test_fleet_lock.py
holds for this one and for a server that fleets use, github.com/heathcliff26/fleetlock at 3e0ee619; it is
tried wherever that one's program is on PATH. The packages that CI installs from have none.

with FleetLockServer() as server:
    FleetLock(server.url, "host-1")
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from tests.conftest import find_program
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

BODY_BYTES = 64 * 1024
_GROUP = re.compile("[a-zA-Z0-9.-]+")

Answer = tuple[int, str, str]
"""A status, a kind and a value."""


class FleetLockServer:
    """A counting semaphore with owners, for each group.

    Args:
        slots: how many hosts of a group may hold one at once.
        context: for TLS.

    Attributes:
        holders: the groups and ids that hold a slot now.
        requests: every request that was understood: path, group and id.
        broken: answers everything with 500 while true.
    """

    def __init__(self, slots: int = 1, context: ssl.SSLContext | None = None) -> None:
        self.holders: set[tuple[str, str]] = set()
        self.requests: list[tuple[str, str, str]] = []
        self.broken = False
        self._slots = slots
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://localhost:{self._server.server_address[1]}/base"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path: str, marked: bool, body: bytes) -> Answer:  # noqa: FBT001 - a handler's callable
        """Answer a POST."""
        if self.broken:
            return 500, "internal_error", "the test broke it"
        if not marked:
            return 400, "missing_header", "the header fleet-lock-protocol is missing"
        try:
            params = json.loads(body)["client_params"]
            group, client = str(params["group"]), str(params["id"])
        except (ValueError, KeyError, TypeError):
            return 400, "malformed", "this is no FleetLock request"
        if _GROUP.fullmatch(group) is None or not client:
            return 400, "invalid", "group or id is not acceptable"
        with self._lock:
            self.requests.append((path, group, client))
            return self._decide(path, group, client)

    def _decide(self, path: str, group: str, client: str) -> Answer:
        if path == "/base/v1/steady-state":
            self.holders.discard((group, client))
            return 200, "success", "released"
        if path != "/base/v1/pre-reboot":
            return 404, "not_found", "no such operation"
        held = {each for each in self.holders if each[0] == group}
        if (group, client) not in held and len(held) >= self._slots:
            return 423, "failed_lock_semaphore_full", "semaphore currently full, all slots are locked already"
        self.holders.add((group, client))
        return 200, "success", "reserved"


def _handler(answer: Callable[[str, bool, bytes], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_BYTES))
            marked = self.headers.get("fleet-lock-protocol", "").lower() == "true"
            status, kind, value = answer(self.path, marked, body)
            content = json.dumps({"kind": kind, "value": value}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Nothing: tests look at the attributes."""

    return Handler


class FleetLockProgram:
    """The program `fleetlock` with its configuration, data and log below `directory`, and one slot.

    Attributes:
        url: its base URL.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        # It cannot tell which port it was given, so it is given one; somebody else may take it meanwhile.
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as found:
                port = int(found.getsockname()[1])
            self.url = f"http://127.0.0.1:{port}"
            self._process = self._start(port)
            wait_until(lambda: self._ended or self._answers(), "fleetlock answers")
            if not self._ended:
                return self
        raise AssertionError("fleetlock did not start")

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        program = find_program("fleetlock")
        assert program is not None
        config = self._directory / "fleetlock.yaml"
        # Its storage in memory frees a slot when somebody gives back what he never held.
        stored = {"type": "sqlite", "sqlite": {"file": str(self._directory / "fleetlock.db")}}
        settings = {
            "server": {"listen": f"127.0.0.1:{port}"},
            "storage": stored,
            "groups": {"default": {"slots": 1}},
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        with (self._directory / "fleetlock.log").open("wb") as log:
            return subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=log)

    @property
    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", urlsplit(self.url).port or 0), timeout=1).close()
        except OSError:
            return False
        return True

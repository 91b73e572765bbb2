"""Real brokers for tests: Mosquitto and NATS, on loopback, with their data in a directory of the test's own.

with MosquittoBroker(tmp_path) as broker:
    ... broker.url ... broker.stop() ... broker.start()   # same port, same data
"""

from __future__ import annotations

import getpass
import socket
import subprocess
from typing import TYPE_CHECKING, Self

from tests.conftest import find_program
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def free_port() -> int:
    """A port of loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """A broker in a process of its own. A context manager; `stop` and `start` keep port and data.

    Attributes:
        port: where it listens on 127.0.0.1.
        url: the same for a client: `mqtt://127.0.0.1:…`, or `mqtts://localhost:…` for a certificate.
    """

    def __init__(self, directory: Path, program: str, port: int | None, scheme: str) -> None:
        self.port = port or free_port()
        host = "localhost" if scheme in {"mqtts", "wss"} else "127.0.0.1"
        self.url = f"{scheme}://{host}:{self.port}"
        self.config = directory / f"{program}-{self.port}.conf"
        self.log = directory / f"{program}-{self.port}.log"
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self.launch()
        self.await_listening()

    def launch(self) -> None:
        """Start the process."""
        program = find_program(self._program)
        assert program is not None, f"{self._program} is not installed"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(self.config)], stdout=log, stderr=log)

    def await_listening(self, timeout_s: float = 15.0) -> None:
        """Wait until it listens."""
        wait_until(self._answers, f"{self._program} listens", timeout_s)

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End the process in order. Idempotent."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class MosquittoBroker(Broker):
    """Mosquitto. `config` replaces the open default; it must name the listener on `port` itself."""

    def __init__(
        self, directory: Path, config: str | None = None, port: int | None = None, scheme: str = "mqtt"
    ) -> None:
        super().__init__(directory, "mosquitto", port, scheme)
        data = directory / f"mosquitto-{self.port}"
        data.mkdir()
        if config is None:
            config = f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
        # Started by root it would change to a user who cannot reach the test's directory.
        common = f"user {getpass.getuser()}\npersistence true\npersistence_location {data}/\n"
        self.config.write_text(common + config)
        self.config.chmod(0o600)


class NatsBroker(Broker):
    """nats-server with JetStream and MQTT 3.1.1.

    `config` replaces the open default blocks and must name `port` itself; `websocket_url` is of the default
    configuration, and speaks MQTT over WebSocket. `name` is the server's, in a cluster.
    """

    def __init__(
        self,
        directory: Path,
        config: str | None = None,
        port: int | None = None,
        scheme: str = "mqtt",
        name: str = "test",
    ) -> None:
        super().__init__(directory, "nats-server", port, scheme)
        websocket_port = free_port()
        self.websocket_url = f"ws://127.0.0.1:{websocket_port}/mqtt"
        if config is None:
            config = f"""
                mqtt {{ host: 127.0.0.1, port: {self.port} }}
                websocket {{ host: 127.0.0.1, port: {websocket_port}, no_tls: true }}
            """
        self.config.write_text(
            f"""
            server_name: {name}
            listen: 127.0.0.1:{free_port()}
            jetstream {{ store_dir: "{directory}/nats-{self.port}" }}
            {config}
            """,
        )

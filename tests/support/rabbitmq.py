"""A real RabbitMQ with its MQTT plugin, on loopback, with its data in a directory of the test's own.

The runtime is Erlang's: a node has a name, and nodes find each other by way of a small daemon (epmd). Each
test has one of those too, so that no two tests' nodes know each other. RabbitMQ 3.10 speaks MQTT 3.1.1 only,
and keeps retained messages on the node that they were published to.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.conftest import find_program
from tests.support.brokers import Broker
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.cluster.ports import lasting_port
from tidegate_publisher.devstack.demo.processes import listens

_PATIENCE_S: Final = 180.0
_STOP_S: Final = 60.0
_CONFIG: Final = """
listeners.tcp = none
mqtt.listeners.tcp.default = 127.0.0.1:{port}
mqtt.allow_anonymous = true
mqtt.subscription_ttl = 86400000
mqtt.prefetch = 100
loopback_users = none
log.console = true
"""


class RabbitBroker(Broker):
    """One node, alone. `config` replaces the open default, and must name the listener on `port` itself."""

    def __init__(
        self, directory: Path, config: str | None = None, port: int | None = None, scheme: str = "mqtt"
    ) -> None:
        super().__init__(directory, "rabbitmq-server", port or lasting_port(), scheme)
        self._home = directory / f"rabbitmq-{self.port}"
        self._home.mkdir()
        self.config = self._home / "rabbitmq.conf"
        self.config.write_text(config or _CONFIG.format(port=self.port))
        (self._home / "plugins").write_text("[rabbitmq_mqtt,rabbitmq_auth_mechanism_ssl].\n")
        # Of those that the kernel gives to clients one may be taken when a node comes back.
        self._epmd, self._distribution = lasting_port(), lasting_port()

    def launch(self) -> None:
        """Start the node, in a process group of its own: a script starts Erlang, and Erlang its helpers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [_script()],
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self._home,
                start_new_session=True,
            )

    def await_listening(self, timeout_s: float = _PATIENCE_S) -> None:
        """See Broker.await_listening; Erlang takes its time."""
        super().await_listening(timeout_s)

    def administer(self, script: str) -> None:
        """Run a shell script in which `rabbitmqctl` speaks to this node."""
        tools = str(Path(_script()).parent)
        subprocess.run(
            ["/bin/sh", "-eu", "-c", f'PATH="{tools}:$PATH"\n{script}'],
            env=self._environment(),
            check=True,
            capture_output=True,
            timeout=_PATIENCE_S,
        )

    def stop(self) -> None:
        """End the node in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            # Told to end while it still begins, it may wait for ever.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_S)
        self._process = None
        # The script is gone; what it started lets go of its port a moment later.
        wait_until(lambda: not listens(self.port), "RabbitMQ is gone", _STOP_S)
        epmd = find_program("epmd")
        if epmd is not None:
            subprocess.run(
                [epmd, "-kill"], env=self._environment(), check=False, capture_output=True, timeout=30
            )

    def _environment(self) -> dict[str, str]:
        own = {
            "HOME": str(self._home),
            "ERL_CRASH_DUMP": str(self._home / "erl_crash.dump"),
            "ERL_EPMD_PORT": str(self._epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"rabbit{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_CONFIG_FILE": str(self.config.with_suffix("")),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self._home / "data"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
        }
        return {**os.environ, **own}


def _script() -> str:
    """The server's own script: the one on PATH is Debian's, which changes to a user who cannot read this."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if found:
        return str(found[-1])
    program = find_program("rabbitmq-server")
    assert program is not None, "rabbitmq-server is not installed"
    return program

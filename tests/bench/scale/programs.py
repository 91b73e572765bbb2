"""The programs under measurement, started as a user would: a simulated fleet, collectors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.scale.worlds import World

TIDEGATE: Final = str(Path(sys.executable).with_name("tidegate"))
_PATIENCE_S: Final = 600.0
_CONNECTIONS_PER_S: Final = 1000
_AS_FAST: Final = 2000


class SimulatedFleet:
    """`tidegate dev fleet` on os/stable. A context manager.

    Args:
        world: the broker.
        hosts: how many.
        more: further options.
    """

    def __init__(self, world: World, hosts: int, *more: str) -> None:
        self._hosts = hosts
        words = ["--hosts", str(hosts), "--broker", ",".join(world.urls), "--unverified", "--json"]
        words += ["--subscribe-qos", str(world.qos), "--ask-again", "60", "--connect-rate", str(_AS_FAST)]
        # docs/brokers.md: three times hosts over the connections that a broker takes in a second.
        words += ["--reconnect-first", f"{max(1.0, 3 * hosts / _CONNECTIONS_PER_S):g}"]
        self._words = [TIDEGATE, "dev", "fleet", "os/stable", *words, *more]
        self._newest: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(120)
        self._reader.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def figures(self) -> dict[str, Any]:
        """The newest, each second; see simulator.figures."""
        return self._newest

    def number(self, name: str) -> int:
        """One of them."""
        return int(self._newest.get(name, 0))

    def await_connected(self) -> None:
        """Return when every host is connected, and has told all it has to tell."""
        wait_until(self.complete, f"{self._hosts} hosts are connected: {self._newest}", _PATIENCE_S)

    def complete(self) -> bool:
        """Whether every host is connected, and has told all that it has to tell."""
        return self._newest.get("connected") == self._hosts and not self._newest.get("unsent")

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._newest = json.loads(line)


@contextmanager
def collectors(count: int, url: str, store: str, folder: Path) -> Iterator[None]:
    """So many collectors that listen, on one broker and one database; several share the events."""
    share = ("--share", "bench") if count > 1 else ()
    logs = [folder / f"collector-{number}.log" for number in range(count)]
    running = [_collector(log, url, store, *share) for log in logs]
    try:
        wait_until(lambda: all("Connected to" in log.read_text() for log in logs), "collectors listen", 120)
        yield
    finally:
        for each in running:
            each.terminate()
        for each in running:
            each.wait(60)


def _collector(log: Path, url: str, store: str, *share: str) -> subprocess.Popen[bytes]:
    words = [TIDEGATE, "collect", "--broker", url, "--store", store, "--name", log.stem, *share]
    with log.open("wb") as told:
        return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=told)

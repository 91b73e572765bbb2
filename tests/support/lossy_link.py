"""A bad network between a host and the rest: real TCP of real processes over a link that a test spoils.

The host's end is a TUN device in a network namespace of its own, the other end one in the test's. What the
kernel sends into either comes to this process, which loses, delays, reorders, doubles or holds it, and gives
the rest to the other kernel. Nothing of the kernel's own (netem) is needed, but root, `ip` and /dev/net/tun.

with LossyLink() as link:
    subprocess.Popen([*link.enter, ...])        # reaches this process at link.far
    link.to_host.loss = 0.2
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.conftest import find_program

if TYPE_CHECKING:
    from pathlib import Path

# linux/if_tun.h
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_NO_PI: Final = 0x1001
_MTU: Final = 1400
_QUEUE: Final = 1000
_NET: Final = "198.18"
"""Of RFC 2544: for tests of networks, and routed nowhere."""


@dataclass
class Way:
    """One direction. A test changes it while packets are under way.

    Attributes:
        loss: the share of packets that never arrive.
        doubled: the share that arrives twice.
        delay_s: how long each takes.
        jitter_s: up to so much longer; packets overtake each other where it is long.
        bytes_each_s: how fast the link is; None is without bound.
        largest: what is larger is lost without a word, as behind a tunnel that filters ICMP.
        closed: nothing arrives.
        passed: how many packets came through.
        lost: how many did not.
    """

    loss: float = 0.0
    doubled: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    bytes_each_s: float | None = None
    largest: int | None = None
    closed: bool = False
    passed: int = 0
    lost: int = 0
    _free_at: float = 0.0

    def arrivals(self, packet: bytes, now: float, chance: random.Random) -> list[float]:
        """When a packet arrives, on the monotonic clock; more than once, or never."""
        too_large = self.largest is not None and len(packet) > self.largest
        if self.closed or too_large or chance.random() < self.loss:
            self.lost += 1
            return []
        self.passed += 1
        if self.bytes_each_s is not None:
            self._free_at = max(now, self._free_at) + len(packet) / self.bytes_each_s
            now = self._free_at
        times = 2 if chance.random() < self.doubled else 1
        return [now + self.delay_s + self.jitter_s * chance.random() for _ in range(times)]


class LossyLink:
    """See the module's docstring. A context manager.

    Attributes:
        far: this process's address, for the host.
        near: the host's address.
        enter: the words to put before a command that shall run on the host.
        to_host: the way there.
        from_host: the way back.
    """

    def __init__(self, seed: int = 5) -> None:
        name = f"tg{os.getpid()}"
        # A /30 for each process that runs tests.
        place = os.getpid() % 16384 * 4
        net = f"{_NET}.{place // 256}.{place % 256}"
        base = net.rpartition(".")[0]
        self.near, self.far = f"{base}.{place % 256 + 1}", f"{base}.{place % 256 + 2}"
        self.enter = ("nsenter", f"--net=/run/netns/{name}", "--")
        self.to_host, self.from_host = Way(), Way()
        self._name = name
        self._chance = random.Random(seed)  # noqa: S311 - bad luck that can be had again
        self._stop, self._stopper = os.pipe()
        self._due: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._thread = threading.Thread(target=self._carry, name="lossy link")

    def cut(self) -> None:
        """Let nothing through in either direction; nobody is told."""
        self.to_host.closed = self.from_host.closed = True

    def mend(self) -> None:
        """Let everything through again."""
        self.to_host.closed = self.from_host.closed = False

    def spoil(self, **changes: float) -> None:
        """Change both directions alike."""
        for way in (self.to_host, self.from_host):
            for name, value in changes.items():
                setattr(way, name, value)

    def __enter__(self) -> Self:
        _ip("netns", "add", self._name)
        try:
            self._near = _tun(f"{self._name}h")
            self._far = _tun(f"{self._name}f")
            _ip("link", "set", f"{self._name}h", "netns", self._name)
            _ip("-n", self._name, "addr", "add", f"{self.near}/30", "dev", f"{self._name}h")
            _ip("-n", self._name, "link", "set", f"{self._name}h", "mtu", str(_MTU), "up")
            _ip("-n", self._name, "link", "set", "lo", "up")
            _ip("addr", "add", f"{self.far}/30", "dev", f"{self._name}f")
            _ip("link", "set", f"{self._name}f", "mtu", str(_MTU), "up")
        except BaseException:
            _ip("netns", "del", self._name)
            raise
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._stopper, b"x")
        self._thread.join(10)
        for descriptor in (self._near, self._far, self._stop, self._stopper):
            os.close(descriptor)
        _ip("netns", "del", self._name)

    def _carry(self) -> None:
        ways = {self._near: (self.from_host, self._far), self._far: (self.to_host, self._near)}
        while True:
            pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready, _, _ = select.select([*ways, self._stop], [], [], pause)
            if self._stop in ready:
                return
            for source in ready:
                way, sink = ways[source]
                self._take(os.read(source, 65536), way, sink)
            self._deliver()

    def _take(self, packet: bytes, way: Way, sink: int) -> None:
        for at in way.arrivals(packet, time.monotonic(), self._chance):
            if len(self._due) < _QUEUE:
                self._count += 1
                heapq.heappush(self._due, (at, self._count, sink, packet))

    def _deliver(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, sink, packet = heapq.heappop(self._due)
            # A device that is not up yet, or whose queue is full, loses it, as a wire would.
            with contextlib.suppress(OSError):
                os.write(sink, packet)


def _tun(name: str) -> int:
    """A new TUN device; it is there for as long as its descriptor is open."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _ip(*words: str) -> None:
    program: str | Path | None = find_program("ip")
    assert program is not None, "iproute2 is not installed"
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"

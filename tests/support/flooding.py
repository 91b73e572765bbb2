"""Somebody who floods a topic: a process of its own that writes PUBLISH packets on a socket as fast as asked.

with Flood(port, TOPIC, altered=genuine, rate=10_000) as flood:
    ...
flood.sent

No two messages are the same. What is altered is a genuine message with another signature: it costs the
verifier everything up to the last step. Run by itself, it is `python -m tests.support.flooding` with the
arguments of `main` as JSON.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCHES_A_SECOND: Final = 100
_SIGNATURE: Final = re.compile(rb'"sig"\s*:\s*"([A-Za-z0-9+/]{40,})')
_DIGITS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass
class Flood:
    """A context manager: the flood lasts as long as the block.

    Attributes:
        port: of the broker on loopback, which takes anybody.
        topic: where to.
        altered: the genuine message to alter; None sends rubbish of 200 bytes.
        rate: messages a second, as far as the broker takes them.
        qos: 0 or 1.
        retain: whether they are to be stored.
        sent: how many were, once it is over.
        lasted_s: how long it took, seconds.
    """

    port: int
    topic: str
    altered: bytes | None = None
    rate: int = 10_000
    qos: int = 0
    retain: bool = False
    sent: int = 0
    lasted_s: float = 0.0

    def __enter__(self) -> Self:
        asked = {
            "port": self.port,
            "topic": self.topic,
            "altered": None if self.altered is None else self.altered.decode(),
            "rate": self.rate,
            "qos": self.qos,
            "retain": self.retain,
        }
        command = [sys.executable, "-m", "tests.support.flooding"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        assert self._process.stdout.readline() == "flooding\n"
        return self

    def __exit__(self, *_: object) -> None:
        said, _none = self._process.communicate(timeout=60)
        assert self._process.returncode == 0
        told = json.loads(said)
        self.sent, self.lasted_s = told["sent"], told["seconds"]


def main() -> None:
    """Flood as the first line of stdin says, until stdin ends; then tell on stdout how much it was."""
    asked = json.loads(sys.stdin.readline())
    altered = None if asked["altered"] is None else asked["altered"].encode()
    packets = _packets(asked["topic"].encode(), _messages(altered), asked["qos"], retain=asked["retain"])
    with _connected(asked["port"]) as peer:
        sys.stdout.write("flooding\n")
        sys.stdout.flush()
        began = time.monotonic()
        sent = _pour(peer, packets, asked["rate"])
        json.dump({"sent": sent, "seconds": time.monotonic() - began}, sys.stdout)


def _pour(peer: socket.socket, packets: Iterator[bytes], rate: int) -> int:
    began, sent = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        due = int((time.monotonic() - began) * rate) - sent
        # What is behind is not made up for: it is a flood of so many a second, and no burst after a stall.
        count = max(1, min(due, rate // _BATCHES_A_SECOND * 2))
        left = memoryview(b"".join(itertools.islice(packets, count)))
        sent += count
        while left:
            readable, writable, _ = select.select([peer], [peer], [], 1)
            if readable and not peer.recv(1 << 20):
                raise ConnectionError("the broker closed the connection")
            if writable:
                with contextlib.suppress(BlockingIOError):
                    left = left[peer.send(left) :]
        ahead = began + sent / rate - time.monotonic()
        if ahead > 0:
            select.select([sys.stdin], [], [], ahead)
        else:
            began = time.monotonic() - sent / rate
    return sent


def _messages(altered: bytes | None) -> Iterator[bytes]:
    seed = time.time_ns().to_bytes(8, "big").hex().encode()
    if altered is None:
        filler = b"." * 160
        for number in itertools.count():
            yield b"rubbish %s %d %s" % (seed, number, filler)
        return
    found = _SIGNATURE.search(altered)
    assert found is not None
    # Into the middle of the signature, so that it stays base64 and DER; each digit is six bits.
    at = found.start(1) + 30
    for number in itertools.count(time.time_ns() % 10**9):
        digits = bytes(_DIGITS[(number >> shift) & 63] for shift in (24, 18, 12, 6, 0))
        yield altered[:at] + digits + altered[at + 5 :]


def _packets(topic: bytes, messages: Iterator[bytes], qos: int, *, retain: bool) -> Iterator[bytes]:
    """PUBLISH packets (MQTT 3.1.1, 3.3); the packet identifiers of QoS 1 go round."""
    head = bytes([0x30 | qos << 1 | retain])
    name = struct.pack(">H", len(topic)) + topic
    identifiers = itertools.cycle(range(1, 65_536))
    for message in messages:
        identifier = struct.pack(">H", next(identifiers)) if qos else b""
        yield head + _length(len(name) + len(identifier) + len(message)) + name + identifier + message


def _length(value: int) -> bytes:
    """A remaining length (MQTT 3.1.1, 2.2.3)."""
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (0x80 if value else 0))
        if not value:
            return bytes(encoded)


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 10) as peer:
        # Protocol 3.1.1: MQTT 5 lets the broker bound what may be unacknowledged. No keepalive.
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + b"\x00\x05flood"
        peer.sendall(b"\x10" + _length(len(body)) + body)
        assert peer.recv(4) == b"\x20\x02\x00\x00", "the broker does not take this client"
        peer.setblocking(False)  # noqa: FBT003 - takes no keywords
        yield peer


if __name__ == "__main__":
    main()

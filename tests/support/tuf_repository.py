"""A real TUF repository for tests: signed with python-tuf, served over loopback, and misbehaving on request.

with TufRepository.serving() as repository:
    repository.publish(root_json)
"""

from __future__ import annotations

import contextlib
import copy
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined] # the same as below

# tuf documents these here, and gives them out without an __all__.
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.pki import Leaf

TARGET: Final = "trusted_root.json"
LIFE: Final = timedelta(days=30)
ROLES: Final = ("root", "timestamp", "snapshot", "targets")

Answer: TypeAlias = "Callable[[BaseHTTPRequestHandler, threading.Event], None]"
"""Answers a request itself; the event is set when the server ends, so that nothing hangs for ever."""


@dataclass
class TufRepository:
    """The repository. `publish` before anything else.

    Attributes:
        now: what expiries are counted from.
        files: what is served, by path.
        answers: who answers instead, by path.
        asked: the paths that were asked for, in order.
        url: where it is served.
        first_root: what hosts are given out of band.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._signers = {role: CryptoSigner.generate_ecdsa() for role in ROLES}
        ends = self.now + LIFE
        self._root = Root(expires=ends + timedelta(days=300), consistent_snapshot=True)
        self._timestamp = Timestamp(expires=ends)
        self._snapshot = Snapshot(expires=ends)
        self._targets = Targets(expires=ends)
        self._timestamp.version = self._snapshot.version = self._targets.version = 0
        for role, signer in self._signers.items():
            self._root.add_key(signer.public_key, role)
        self.first_root = self._sign_root(self._signers["root"])

    def publish(
        self,
        content: bytes,
        *,
        life: timedelta = LIFE,
        timestamp_life: timedelta | None = None,
        name: str = TARGET,
    ) -> None:
        """A new version of the target, and of everything that speaks of it."""
        target = TargetFile.from_data(name, content, ["sha256"])
        self._targets.targets = {name: target}
        self.files[f"/targets/{target.hashes['sha256']}.{name}"] = content
        self._targets.version += 1
        self._targets.expires = self._snapshot.expires = self.now + life
        self._store("targets", self._targets)
        self._snapshot.version += 1
        self._snapshot.meta["targets.json"] = MetaFile(self._targets.version)
        self._store("snapshot", self._snapshot)
        self.renew(timestamp_life or life)

    def renew(self, life: timedelta = LIFE) -> None:
        """A new timestamp."""
        self._timestamp.version += 1
        self._timestamp.expires = self.now + life
        self._timestamp.snapshot_meta = MetaFile(self._snapshot.version)
        self._store("timestamp", self._timestamp)

    def rotate(self, *roles: str) -> None:
        """A new root, with other keys for these roles; call `publish` after those of online roles."""
        before = self._signers["root"]
        for role in roles:
            self._root.revoke_key(self._signers[role].public_key.keyid, role)
            self._signers[role] = CryptoSigner.generate_ecdsa()
            self._root.add_key(self._signers[role].public_key, role)
        self._root.version += 1
        self._sign_root(before, self._signers["root"])

    def renumber(self) -> None:
        """Begin anew with version 1 of all but the root."""
        for each in (self._timestamp, self._snapshot, self._targets):
            each.version = 0
        self._snapshot.meta = {}

    def expire_root(self) -> None:
        """A new root that has expired."""
        self._root.version += 1
        self._root.expires = self.now - timedelta(days=1)
        self._sign_root(self._signers["root"])

    def freeze(self) -> dict[str, bytes]:
        """All files as they are now, to be put back later."""
        return copy.copy(self.files)

    def path_of_target(self) -> str:
        """Where the newest target is served."""
        (target,) = self._targets.targets.values()
        return f"/targets/{target.hashes['sha256']}.{target.path}"

    def _sign_root(self, *signers: CryptoSigner) -> bytes:
        metadata = Metadata(self._root)
        for signer in signers:
            metadata.sign(signer, append=True)
        raw = metadata.to_bytes()
        self.files[f"/{self._root.version}.root.json"] = raw
        return raw

    def _store(self, role: str, signed: Timestamp | Snapshot | Targets) -> None:
        metadata: Metadata[Any] = Metadata(signed)
        metadata.sign(self._signers[role])
        name = f"/{role}.json" if role == "timestamp" else f"/{signed.version}.{role}.json"
        self.files[name] = metadata.to_bytes()

    @classmethod
    @contextlib.contextmanager
    def serving(cls, leaf: Leaf | None = None) -> Iterator[TufRepository]:
        """A new repository, served for the length of a block; over TLS, if a certificate is given."""
        repository, ended = cls(), threading.Event()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(repository, ended))
        server.daemon_threads = False  # so that closing waits for them: no socket is left open
        repository.url = f"{'https' if leaf else 'http'}://127.0.0.1:{server.server_port}"
        if leaf is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(leaf.cert, leaf.key)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield repository
        finally:
            ended.set()
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(repository: TufRepository, ended: threading.Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            repository.asked.append(self.path)
            with contextlib.suppress(OSError):  # the client may have had enough
                answer = repository.answers.get(self.path)
                if answer is not None:
                    answer(self, ended)
                elif self.path in repository.files:
                    reply(self, repository.files[self.path])
                else:
                    self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def reply(request: BaseHTTPRequestHandler, content: bytes, status: int = 200) -> None:
    """An ordinary answer."""
    request.send_response(status)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def hang(_: BaseHTTPRequestHandler, ended: threading.Event) -> None:
    """Take the request, and never answer."""
    ended.wait(60)


def drip(request: BaseHTTPRequestHandler, ended: threading.Event) -> None:
    """A byte now and then, for ever."""
    request.send_response(200)
    request.end_headers()
    while not ended.wait(0.2):
        request.wfile.write(b" ")


def drip_headers(request: BaseHTTPRequestHandler, ended: threading.Event) -> None:
    """Headers that do not end."""
    request.wfile.write(b"HTTP/1.0 200 OK\r\n")
    while not ended.wait(0.2):
        request.wfile.write(b"a: b\r\n")


def flood(request: BaseHTTPRequestHandler, ended: threading.Event) -> None:
    """Data without an end."""
    request.send_response(200)
    request.end_headers()
    while not ended.is_set():
        request.wfile.write(b" " * 65536)

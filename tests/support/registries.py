"""A real registry for tests: Debian's docker-registry on loopback, in a process of its own.

with RealRegistry(tmp_path) as registry:
    registry.push("app", image({"a": b"1"}), "v1")
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Self

import urllib3

from tests.conftest import find_program
from tests.support.waiting import wait_until
from tidegate_wire.registry.digest import digest_of
from tidegate_wire.registry.media_types import OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.images import TestImage
    from tests.support.pki import Leaf

_LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
_FLEET = "fleet:$2y$05$vFvu82Mt5NMCL3YqtwQJnOycQ33.EpTNXvI3448YlFgkKCUvl79vq"  # htpasswd -nbB fleet secret


class RealRegistry:
    """docker-registry with its data below `directory`. Several may share one directory.

    Args:
        directory: holds data, configuration and log.
        auth: the `auth` part of its configuration; see `htpasswd` and `token`.
        leaf: certificate and key, for TLS.

    Attributes:
        host: host and port.
    """

    def __init__(
        self, directory: Path, auth: Mapping[str, object] | None = None, leaf: Leaf | None = None
    ) -> None:
        self._directory = directory
        self._tls = {"tls": {"certificate": str(leaf.cert), "key": str(leaf.key)}} if leaf else {}
        self._auth = {"auth": auth} if auth else {}
        self._process: subprocess.Popen[bytes] | None = None
        self.host = ""

    @property
    def pid(self) -> int:
        """The registry's process."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        program = find_program("docker-registry")
        assert program is not None, "docker-registry is not installed"
        config, log = self._directory / f"{id(self)}.yml", self._directory / f"{id(self)}.log"
        config.write_text(
            json.dumps(  # JSON is YAML
                {
                    "version": "0.1",
                    "log": {"level": "info", "accesslog": {"disabled": True}},
                    "storage": {"filesystem": {"rootdirectory": str(self._directory / "registry")}},
                    "http": {"addr": "127.0.0.1:0", "secret": "test", **self._tls},
                    **self._auth,
                }
            )
        )
        with log.open("wb") as stream:
            process = subprocess.Popen([program, "serve", str(config)], stdout=stream, stderr=stream)
        self._process = process

        def listens() -> bool:
            text = log.read_text(errors="replace")
            assert process.poll() is None, text[-2000:]
            found = _LISTENING.search(text)
            self.host = f"localhost:{found[1]}" if found else ""
            return found is not None

        wait_until(listens, "docker-registry listens")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def push(self, repository: str, image: TestImage, tag: str) -> str:
        """Put an image in over plain HTTP without credentials, and return its digest."""
        for digest, content in image.blobs.items():
            self.push_blob(repository, digest, content)
        self.push_manifest(repository, tag, image.manifest, OCI_MANIFEST)
        return digest_of(image.manifest)

    def push_manifest(self, repository: str, tag: str, content: bytes, media_type: str) -> None:
        """Put a manifest or an index in, by a tag or by its digest."""
        self._send("PUT", f"/v2/{repository}/manifests/{tag}", content, media_type)

    def push_blob(self, repository: str, digest: str, content: bytes) -> None:
        """Put one blob in (OCI distribution specification, "POST then PUT")."""
        place = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"", "")
        self._send("PUT", f"{place}&digest={digest}", content, "application/octet-stream")

    def _send(self, method: str, place: str, content: bytes, media_type: str) -> str:
        url = place if place.startswith("http") else f"http://{self.host}{place}"
        with urllib3.PoolManager() as pool:
            answer = pool.request(method, url, body=content, headers={"Content-Type": media_type})
        assert answer.status in (201, 202), answer.data
        return str(answer.headers.get("Location", ""))


def htpasswd(directory: Path) -> dict[str, object]:
    """Basic authentication by a file that knows fleet with the password secret."""
    path = directory / "htpasswd"
    path.write_text(_FLEET + "\n")
    return {"htpasswd": {"realm": "tests", "path": str(path)}}


def token(realm: str, authority: Path) -> dict[str, object]:
    """Token authentication: tokens by issuer `tests` for service `registry`, signed below an authority."""
    return {
        "token": {"realm": realm, "service": "registry", "issuer": "tests", "rootcertbundle": str(authority)}
    }

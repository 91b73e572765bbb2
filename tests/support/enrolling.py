"""Sources to enrol: a mounted ConfigMap as kubelet makes it, and what belongs into one."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.pki import Authority
from tidegate_agent import cli

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BUS = """\
# The broker of the shop floor.
[bus]
url = "mqtts://broker.example"
ca = "ca.pem"
cert = "host.pem"
key = "host.key"
username = "edge"
password_file = "bus-password"
"""

TRUST = """\
[trust]
root = "trusted_root.json"

[[follow]]
product = "kiosk"
channel = "stable"

[[follow.signers]]
identity = "https://ci.example/release"
issuer = "https://issuer.example"

[follow.embedded]
directory = "/srv/kiosk"
"""

TRUST_YAML = """\
trust:
  root: trusted_root.json
follow:
  - product: kiosk
    channel: stable
    signers:
      - identity: https://ci.example/release
        issuer: https://issuer.example
    embedded:
      directory: /srv/kiosk
blackout:
  - from: 2026-12-24
    until: 2026-12-27T06:00:00
    timezone: Europe/Berlin
"""

ROOT = b'{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'


def values(scratch: Path) -> dict[str, bytes]:
    """All keys of a complete configuration, with a certificate and a key that fit each other."""
    authority = Authority(scratch)
    leaf = authority.issue("edge")
    return {
        "10-bus.toml": BUS.encode(),
        "20-trust.toml": TRUST.encode(),
        "bus-password": b"hunter2",
        "ca.pem": authority.ca.read_bytes(),
        "host.key": leaf.key.read_bytes(),
        "host.pem": leaf.cert.read_bytes(),
        "trusted_root.json": ROOT,
    }


def mount(folder: Path, content: Mapping[str, bytes], version: str = "..2026_11_23_05_00_00.1") -> Path:
    """Write a folder as kubelet does (atomic_writer.go): a new version, then the link `..data` to it."""
    (folder / version).mkdir(parents=True)
    for name, value in content.items():
        (folder / version / name).write_bytes(value)
    (folder / "..data_tmp").symlink_to(version)
    (folder / "..data_tmp").rename(folder / "..data")
    for name in content:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    return folder


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    status: int
    out: str
    err: str


def enrol(*arguments: object) -> Said:
    """Run `tidegate-agent enrol`."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = cli.main(["enrol", *map(str, arguments)])
    return Said(status, out.getvalue(), err.getvalue())


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file below a folder, by its path."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return {
        str(each.relative_to(folder)): (each.stat().st_mode & 0o7777, each.read_bytes()) for each in files
    }

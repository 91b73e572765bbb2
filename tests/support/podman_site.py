"""A podman host, a registry beside it, images in it, and the engine over both.

with PodmanSite(tmp_path) as site:
    site.stage(site.build("1"))
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from tests.support.idlers import WAITS
from tests.support.layouts import ImageBuilder, directory, file
from tests.support.podman_host import UNIT, PodmanHost
from tests.support.registries import RealRegistry
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.podman.engine import PodmanEngine
from tidegate_agent.engines.podman.times import Times
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    import pwd
    from collections.abc import Mapping
    from pathlib import Path

    from tidegate_agent.engines.podman.session import Session

_NOISE_BYTES = 200_000
_QUICK = Times(stall=20.0, pull=120.0, start=90.0, settle=0.0)
# Without a reserve, which a small disk could not hold.
_LIMITS = Limits(free_reserve=0)


class PodmanSite:
    """See above.

    Args:
        folder: an empty folder for all of it.
        disk: for the storage and the engine's state; `folder` when it is left out.
        home: the host's folder, `folder / "host"` when it is left out.
        user: who podman is run as; `home` is theirs.
    """

    def __init__(
        self,
        folder: Path,
        disk: Path | None = None,
        home: Path | None = None,
        user: pwd.struct_passwd | None = None,
    ) -> None:
        self.builder = ImageBuilder(folder / "layout")
        self._built: dict[tuple[str, bytes, str, bool], str] = {}
        self.registry = RealRegistry(_made(folder / "registry")).__enter__()
        self._registry_folder = folder / "registry"
        self._blobs = folder / "registry/registry/docker/registry/v2/blobs/sha256"
        self.host = PodmanHost(home or _made(folder / "host"), self.registry.host, disk, user)
        self.state = (disk or folder) / "state"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def build(self, version: str, program: bytes = WAITS, *, index: bool = False) -> str:
        """Push an image that runs a program; all versions share a layer. The digest to announce."""
        key = (version, program, self.builder.arch, index)
        if key not in self._built:
            self._built[key] = self._build(version, program, index=index)
        return self._built[key]

    def push(self, digest: str) -> str:
        """Bring an image of the layout into the registry."""
        document = self.builder.document(digest)
        for entry in document.get("manifests", ()):
            self.push(entry["digest"])
        for blob in (document.get("config"), *document.get("layers", ())):
            if blob is not None:
                content = self.builder.blob_path(blob["digest"]).read_bytes()
                self.registry.push_blob("app", blob["digest"], content)
        self.registry.push_manifest(
            "app", digest, self.builder.blob_path(digest).read_bytes(), document["mediaType"]
        )
        return digest

    def spoil(self, digest: str) -> None:
        """Change a byte of an image's last layer, in the registry's storage."""
        layer = self.builder.document(digest)["layers"][-1]["digest"].removeprefix("sha256:")
        path = self._blobs / layer[:2] / layer / "data"
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)

    def target(self, digest: str, *references: str) -> ImageTarget:
        """What the engine is asked to stage."""
        return ImageTarget(digest, references or (f"{self.registry.host}/app",), "amd64")

    def engine(
        self,
        podman: tuple[str, ...] | None = None,
        auth_file: Path | None = None,
        state: Path | None = None,
        **more: Any,
    ) -> PodmanEngine:
        """An engine, as after a start of the agent."""
        session = self.host.session()
        session = replace(session, podman=podman or session.podman, auth_file=auth_file)
        return engine_on(state or self.state, self.host.registries_conf, session, **more)

    def guarded(self, auth: Mapping[str, object]) -> RealRegistry:
        """A second registry with the same images, behind authentication."""
        return RealRegistry(self._registry_folder, auth)

    def stage(self, digest: str) -> PodmanEngine:
        engine = self.engine()
        engine.stage(self.target(digest), lambda _: None, lambda: False)
        return engine

    def update(self, digest: str) -> PodmanEngine:
        engine = self.stage(digest)
        engine.activate(digest)
        return engine

    def name(self, digest: str) -> str:
        """How the unit names an image."""
        return f"{self.registry.host}/app@{digest}"

    def close(self) -> None:
        """End and remove all of it."""
        self.host.close()
        self.registry.__exit__()

    def _build(self, version: str, program: bytes, *, index: bool) -> str:
        self.builder.layer([directory("app"), file("app/shared", _noise("shared"))])
        own = file("app/own", _noise(version))
        self.builder.layer([own, file("app/run", program, mode=0o755)])
        # A first process gets no signal that it does not wait for, but for this one.
        settings: dict[str, Any] = {"Entrypoint": ["/app/run"], "StopSignal": "SIGKILL"}
        return self.push(self.builder.build(index=index, **settings))


def engine_on(
    state: Path, registries_conf: Path, session: Session, unit: str = UNIT, **more: Any
) -> PodmanEngine:
    """The engine over a host."""
    auth_files = () if session.auth_file is None else (session.auth_file,)
    settings = RegistrySettings(registries_conf=registries_conf, auth_files=auth_files)
    return PodmanEngine(
        unit,
        state,
        lambda reference: open_source(parse_reference(reference), settings),
        session,
        **{"times": _QUICK, "limits": _LIMITS, **more},
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _noise(seed: str) -> bytes:
    """The same incompressible bytes for the same seed."""
    return random.Random(seed).randbytes(_NOISE_BYTES)  # noqa: S311 - bytes to fill a file, no secret

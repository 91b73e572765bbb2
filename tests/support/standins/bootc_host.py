"""A test's handle on a host with the stand-in of bootc: its images, its faults, its boots."""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.support.standins import bootc, ostree_admin, systemctl
from tests.support.standins.sysroot import Sysroot
from tidegate_agent.engines.bootc.engine import BootcEngine
from tidegate_agent.engines.bootc.values import Places, Programs, Times, Wishes
from tidegate_agent.engines.reserve import Reserve
from tidegate_agent.model import ImageTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "registry.example.com/fleet/os"
OLD: Final = {"switch_locks": False, "upgrade_locks": True, "unlocks_offline": True}
NEW: Final = {"switch_locks": True, "upgrade_locks": True, "unlocks_offline": True}
FIRST: Final = {"switch_locks": False, "upgrade_locks": False, "unlocks_offline": False, "progress": False}
"""Releases before there was anything to lock with, and before the progress stream."""

_FLAT: Final = Wishes(reserve=Reserve(0, 0))
_TIMES: Final = Times(status_s=60, change_s=60, stage_s=60, stall_s=60)


def digest_of(seed: str) -> str:
    return f"sha256:{hashlib.sha256(seed.encode()).hexdigest()}"


class BootcHost:
    """A host that was installed from an image and runs it.

    Args:
        folder: where everything of it is.
        release: what its bootc can do; a host that is there already where this is left out.

    Attributes:
        sysroot: its deployments.
    """

    def __init__(self, folder: Path, release: dict[str, bool] | None = None) -> None:
        self.folder = folder
        self.sysroot = Sysroot(folder)
        if release is not None:
            self._install(release)

    def _install(self, release: dict[str, bool]) -> None:
        self.sysroot.install({"reference": f"{NAME}:stable", **_deployment("installed")})
        self.release(**release)
        self.units({})
        for layer, size in self.sysroot.booted["layers"]:
            (self.sysroot.layers / layer).write_bytes(b"\0" * size)

    @property
    def programs(self) -> Programs:
        """The stand-ins, each a real program."""
        return Programs(
            bootc=_program(bootc, self.folder),
            ostree=_program(ostree_admin, self.folder),
            systemctl=_program(systemctl, self.folder / "units.json"),
        )

    def engine(self, wishes: Wishes = _FLAT, times: Times = _TIMES) -> BootcEngine:
        """An engine on this host; several share its state."""
        places = Places(
            state=self.folder / "state",
            boot=self.folder / "boot",
            store=self.folder / "sysroot",
            etc=self.folder / "etc",
            run=self.folder / "run",
        )
        return BootcEngine(places, self.programs, times, wishes)

    def push(
        self, version: str, *, index: bool = False, names: tuple[str, ...] = (NAME,), **more: Any
    ) -> ImageTarget:
        """Push an image; announced by its manifest's digest, or by that of an index over it."""
        deployment = _deployment(version) | more
        announced = digest_of(f"index of {version}") if index else deployment["manifest"]
        registry = self.sysroot.read("registry.json")
        images = registry.setdefault("images", {})
        for digest in {announced, deployment["manifest"]}:
            images[digest] = {"names": names, "deployment": deployment}
        self.sysroot.write("registry.json", registry)
        return ImageTarget(announced, (NAME,), "amd64")

    def registry(self, **settings: Any) -> None:
        """`down`, or the `secret` that it asks for."""
        self.sysroot.write("registry.json", self.sysroot.read("registry.json") | settings)

    def release(self, **settings: bool) -> None:
        """Which options bootc knows, and whether it booted this host."""
        self.sysroot.write("release.json", self.sysroot.read("release.json") | settings)

    def units(self, units: dict[str, tuple[str, str]]) -> None:
        """What systemctl says of other update agents."""
        self.sysroot.write("units.json", units)

    def fail(self, command: str, kind: str, *, times: int = 1, **more: Any) -> None:
        """Let the next runs of a command go wrong."""
        faults = self.sysroot.read("faults.json") or []
        self.sysroot.write(
            "faults.json", [*faults, {"command": command, "kind": kind, "times": times, **more}]
        )

    def boot(
        self, *, power_cut: bool = False, falls_back: bool = False, finalizing_fails: str | None = None
    ) -> None:
        """Shut down in order, or lose power; then boot.

        Args:
            power_cut: nothing that happens at shutdown happens.
            falls_back: the first entry does not come up, and the boot loader takes the second.
            finalizing_fails: what the stamp says then; no stamp is left where it is empty, as by a time-out.
        """
        if finalizing_fails:
            self.sysroot.stamp.write_text(finalizing_fails)
        elif not power_cut and finalizing_fails is None:
            self.sysroot.finalize()
        self.sysroot.boot(1 if falls_back else 0)

    @contextmanager
    def full(self) -> Iterator[None]:
        """There is no space for another layer."""
        flag = self.folder / "full"
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()

    @property
    def calls(self) -> list[list[str]]:
        """Every command line so far."""
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def _deployment(version: str) -> dict[str, Any]:
    """Different versions share a layer; their manifests differ."""
    return {
        "version": version,
        "manifest": digest_of(f"manifest of {version}"),
        "layers": [(digest_of("shared"), 40_000), (digest_of(f"layer of {version}"), 20_000)],
    }


def _program(module: Any, place: Path) -> tuple[str, ...]:
    # Without site-packages, which the stand-ins do not need and which take long to find.
    return (sys.executable, "-E", "-S", str(Path(module.__file__)), str(place))

"""A host's deployments, as bootc and ostree keep them, in a folder: what the stand-ins of both work on.

sysroot/lock             held by whatever reads or changes it
sysroot/state.json       the deployments in boot order, and which of them is booted
run/staged.json          what is staged: gone at boot
run/reboot-required      as bootc writes it, also for what is only downloaded
layers/                  the layers that are there, each a file of its size
boot/ostree/             where a failed finalizing leaves its stamp
registry.json            the images that the registry has, by digest
release.json             which options this release of bootc knows
faults.json              what is to go wrong, see `take_fault`
calls.jsonl              every command line
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Record = dict[str, Any]


class Sysroot:
    """The folder. Nothing is kept in memory: each process reads it anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = folder / "sysroot" / "state.json"
        self._staged = folder / "run" / "staged.json"
        self.layers = folder / "layers"
        self.stamp = folder / "boot" / "ostree" / "finalize-failure.stamp"
        self.reboot_required = folder / "run" / "reboot-required"

    def install(self, deployment: Record) -> None:
        """A new host that was installed from an image and runs it."""
        for name in ("sysroot", "run", "layers", "boot/ostree", "etc"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._write(self._state, {"deployments": [{**deployment, "id": 1}], "booted": 1, "next": 2})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for the sysroot's lock and hold it."""
        with (self.folder / "sysroot" / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def state(self) -> Record:
        """`deployments`, `booted` and `next`."""
        found: Record = self.read("sysroot/state.json")
        return found

    @property
    def staged(self) -> Record | None:
        """The staged deployment, with `locked`."""
        return self.read("run/staged.json") or None

    @property
    def booted(self) -> Record:
        """The booted deployment."""
        return next(one for one in self.state["deployments"] if one["id"] == self.state["booted"])

    @property
    def rollback(self) -> Record | None:
        """The first deployment that is not booted."""
        others = [one for one in self.state["deployments"] if one["id"] != self.state["booted"]]
        return others[0] if others else None

    @property
    def rollback_queued(self) -> bool:
        """Whether the first deployment is not the booted one."""
        first: Record = self.state["deployments"][0]
        return bool(first["id"] != self.state["booted"])

    def read(self, name: str) -> Any:
        """A JSON file of the folder; an empty object when there is none."""
        try:
            return json.loads((self.folder / name).read_text())
        except FileNotFoundError:
            return {}

    def write(self, name: str, value: Any) -> None:
        """Replace a JSON file of the folder."""
        self._write(self.folder / name, value)

    def log(self, program: str, arguments: list[str]) -> None:
        """Note a command line."""
        with (self.folder / "calls.jsonl").open("a") as file:
            file.write(json.dumps([program, *arguments]) + "\n")

    def take_fault(self, command: str) -> Record:
        """The fault that this run of a command is to show, if any; each is shown as often as it says.

        {"command": "switch", "kind": "error", "text": "…", "times": 1}
        """
        faults = self.read("faults.json") or []
        for fault in faults:
            if fault["command"] == command and fault["times"] > 0:
                fault["times"] -= 1
                self.write("faults.json", faults)
                return dict(fault)
        return {}

    def stage(self, deployment: Record, *, locked: bool) -> None:
        """Stage in the place of anything staged before, and drop the layers that nothing needs any more."""
        state = self.state
        self._write(self._staged, {**deployment, "id": state["next"], "locked": locked})
        self._write(self._state, {**state, "next": state["next"] + 1})
        self.reboot_required.write_text(f"bootc: Reboot required for image: {deployment['manifest']}")
        self.prune()

    def set_locked(self, *, locked: bool) -> None:
        """Lock or unlock what is staged."""
        self._write(self._staged, {**(self.staged or {}), "locked": locked})

    def undeploy_staged(self) -> None:
        """Drop what is staged. Layers stay."""
        self._staged.unlink(missing_ok=True)

    def swap(self) -> None:
        """Toggle the rollback, which drops what is staged."""
        state, rollback = self.state, self.rollback
        if rollback is None:
            raise ValueError("No rollback available")
        first, second = (self.booted, rollback) if self.rollback_queued else (rollback, self.booted)
        rest = [one for one in state["deployments"] if one["id"] not in (first["id"], second["id"])]
        self._write(self._state, {**state, "deployments": [first, second, *rest]})
        self.reboot_required.write_text(f"bootc: Reboot required for image: {rollback['manifest']}")
        self.undeploy_staged()

    def prune(self) -> None:
        """Drop the layers that no deployment needs."""
        staged = [self.staged] if self.staged else []
        needed = {layer for one in [*self.state["deployments"], *staged] for layer, _ in one["layers"]}
        for path in self.layers.iterdir():
            if path.name not in needed:
                path.unlink()

    def finalize(self) -> None:
        """What happens at shutdown: what is staged and not locked becomes the first deployment."""
        staged, state = self.staged, self.state
        if staged is None or staged.pop("locked"):
            return
        pinned = [one for one in state["deployments"] if one.get("pinned")]
        kept = [self.booted, *[one for one in pinned if one["id"] != state["booted"]]]
        self._write(self._state, {**state, "deployments": [staged, *kept]})

    def boot(self, entry: int) -> None:
        """Boot the deployment at this place of the boot order; what was in /run is gone."""
        state = self.state
        self._write(self._state, {**state, "booted": state["deployments"][entry]["id"]})
        for path in (self._staged, self.reboot_required):
            path.unlink(missing_ok=True)

    @staticmethod
    def _write(path: Path, value: Any) -> None:
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        beside.write_text(json.dumps(value))
        beside.replace(path)

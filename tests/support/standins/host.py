"""A host of image mode that exists in a folder: what the stand-ins for its tools work on.

It knows what ostree knows of deployments: their order is the boot loader's; what is staged lives in /run and
takes its turn at an orderly shutdown, unless its finalization is locked; a pin keeps a deployment. Layers are
fetched one by one out of a registry that is a JSON file, and stay in the store when a fetch is interrupted.

Nothing but the standard library, and few modules of it: a stand-in is started a hundred times in a test run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INSTALLED = "quay.example/installed/os:stable"
_LAUNCHER = """#!{python} -IS
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.support.standins.{module} import main
sys.exit(main(Path({folder!r}), sys.argv[1:]))
"""


class Failed(Exception):  # noqa: N818 - the outcome of an operation, not a fault of the stand-in
    """A tool's operation failed. The text is what it says on stderr after `error: `."""


class Host:
    """The host below `folder`. Every process that works on it makes one of its own.

    The state is a dict with these keys:
        deployments: in the boot loader's order, each a dict; see `deployment`.
        booted: the `id` of the running one.
        staged: a deployment or None.
        locked: whether the finalization of what is staged was locked.
        layers: bytes by digest; what is in the store.
        faults: what is to go wrong, by name; see the stand-ins.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run" / "ostree"
        self.lock_file = self.run / "staged-deployment-locked"
        self.paused = folder / "paused"
        self._state = folder / "state.json"
        self._registry = folder / "registry.json"

    def install(self) -> None:
        """Make a new host that runs an image which nobody announced."""
        self.run.mkdir(parents=True)
        self._registry.write_text("{}", encoding="utf-8")
        installed = deployment(INSTALLED, "sha256:" + hashlib.sha256(b"installed").hexdigest(), [])
        state = {
            "deployments": [installed],
            "booted": installed["id"],
            "staged": None,
            "locked": False,
            "layers": {},
            "faults": {},
        }
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def launcher(self, module: str, name: str) -> Path:
        """An executable that is this stand-in, on this host."""
        path = self.folder / name
        root = Path(__file__).parents[3]
        text = _LAUNCHER.format(python=sys.executable, root=str(root), module=module, folder=str(self.folder))
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def look(self) -> dict[str, Any]:
        """The state at this moment."""
        state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        return state

    @contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Change the state, alone; it is replaced as a whole when the block ends well."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.look()
            yield state
            new = self._state.with_suffix(".new")
            new.write_text(json.dumps(state), encoding="utf-8")
            new.replace(self._state)

    def fault(self, name: str, value: Any) -> None:
        """Let something go wrong from now on; None mends it."""
        with self.change() as state:
            state["faults"][name] = value

    def count_down(self, name: str) -> bool:
        """Whether a fault that is to happen so many times is to happen now."""
        with self.change() as state:
            left = state["faults"].get(name) or 0
            state["faults"][name] = max(0, left - 1)
        return bool(left)

    # --- the registry ---

    def publish(self, digest: str, image: dict[str, Any]) -> None:
        """Put an image into the registry.

        Args:
            digest: the announced digest.
            image: `manifest`, the digest that tools report, and `layers`: digest, size and whether corrupt.
        """
        images = json.loads(self._registry.read_text(encoding="utf-8"))
        images[digest] = image
        self._registry.write_text(json.dumps(images), encoding="utf-8")

    def find(self, digest: str) -> dict[str, Any] | None:
        """What the registry has under a digest."""
        image: dict[str, Any] | None = json.loads(self._registry.read_text(encoding="utf-8")).get(digest)
        return image

    def missing(self, image: dict[str, Any]) -> list[dict[str, Any]]:
        """The layers of an image that are not in the store."""
        have = self.look()["layers"]
        return [layer for layer in image["layers"] if layer["digest"] not in have]

    def fetch(self, layer: dict[str, Any]) -> None:
        """Bring one layer into the store. Raises Failed; waits where the faults say `pause` or `stall`."""
        faults = self.look()["faults"]
        if faults.get("pause") is not None and len(self.look()["layers"]) >= faults["pause"]:
            self.paused.touch()
            wait_for(lambda: not self.paused.exists())
        if faults.get("stall"):
            self.paused.touch()
            wait_for(lambda: False)
        if faults.get("full"):
            raise Failed(
                f"Layer {layer['digest']}: Importing objects: Writing: No space left on device (os error 28)"
            )
        if layer.get("corrupt"):
            raise Failed(
                f"Layer {layer['digest']}: remote error: Digest did not match, "
                f"expected {layer['digest']}, got sha256:{'f' * 64}"
            )
        with self.change() as state:
            state["layers"][layer["digest"]] = layer["size"]

    # --- deployments ---

    def stage(self, new: dict[str, Any], *, locked: bool) -> None:
        """Stage a deployment in the place of what was staged before."""
        with self.change() as state:
            state["staged"] = new
            (self.run / "staged-deployment").write_text(new["id"], encoding="utf-8")
            self.set_lock(state, locked=locked)

    def set_lock(self, state: dict[str, Any], *, locked: bool) -> None:
        """Lock or unlock the finalization of what is staged.

        With the fault `metadata_lock` it is as in ostree since 2023.8, where deploying notes the lock in the
        staged deployment itself; else there is the file of older releases. Unlocking undoes both.
        """
        state["locked"] = locked
        if locked and not state["faults"].get("metadata_lock"):
            self.lock_file.touch()
        else:
            self.lock_file.unlink(missing_ok=True)

    def is_locked(self, state: dict[str, Any]) -> bool:
        """Whether an orderly shutdown leaves alone what is staged."""
        by_note = state["locked"] and state["faults"].get("metadata_lock")
        return bool(by_note or self.lock_file.exists())

    def unstage(self, state: dict[str, Any]) -> None:
        """Drop what is staged."""
        state["staged"] = None
        (self.run / "staged-deployment").unlink(missing_ok=True)
        self.set_lock(state, locked=False)

    def prune(self, state: dict[str, Any]) -> None:
        """Drop the layers that no deployment has."""
        kept = [*state["deployments"], *([state["staged"]] if state["staged"] else [])]
        names = {layer for one in kept for layer in one["layers"]}
        state["layers"] = {name: size for name, size in state["layers"].items() if name in names}

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        """The host goes down and comes up.

        Args:
            power_cut: nothing is finalized.
            falls_back: the first entry does not come up, the second does.
        """
        self.paused.unlink(missing_ok=True)
        with self.change() as state:
            staged, locked = state["staged"], self.is_locked(state)
            self.unstage(state)
            if staged and not locked and not power_cut and not state["faults"].get("finalize"):
                state["deployments"] = self._finalized(state, staged)
            entries = state["deployments"]
            state["booted"] = entries[1 if falls_back and len(entries) > 1 else 0]["id"]

    def _finalized(self, state: dict[str, Any], staged: dict[str, Any]) -> list[dict[str, Any]]:
        """The new one first, then what runs; of the others only what is pinned (ostree's simple write)."""
        others = [one for one in state["deployments"] if one["id"] == state["booted"] or one["pinned"]]
        return [staged, *others]


def deployment(reference: str, manifest: str, layers: list[str], **more: Any) -> dict[str, Any]:
    """A deployment, as it is in the state.

    Args:
        reference: the origin, in the spelling of the tool that deployed it.
        manifest: the manifest's digest.
        layers: digests of its layers.
        more: what a tool keeps beside: packages, pins.
    """
    checksum = hashlib.sha256(f"{manifest} {sorted(more)}".encode()).hexdigest()
    return {
        "id": f"default-{checksum}.{time.time_ns()}",
        "checksum": checksum,
        "reference": reference,
        "manifest": manifest,
        "layers": layers,
        "pinned": False,
        **more,
    }


def wait_for(condition: Callable[[], bool], step_s: float = 0.01) -> None:
    """Wait for as long as it takes: whoever started the stand-in ends it."""
    while not condition():
        time.sleep(step_s)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")

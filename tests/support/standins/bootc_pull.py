"""How the stand-in of bootc fetches: layer by layer, with its progress on a pipe, and with what can go wrong.

Kinds of faults: `error` (with its text, before the first layer), `unauthorized` by the registry's record,
`corrupt` by the image's, `stall` and `pause` (for ever, after the first layer), `drip` (a hundred small
steps), `killed` (after the first layer), `bad-progress`, `no-progress` and `deploy-error`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tests.support.standins.sysroot import Record, Sysroot


class RefusalError(Exception):
    """What follows `error: `."""


def say(text: str, where: TextIO | None = None) -> None:
    """Print."""
    (where or sys.stdout).write(f"{text}\n")


class Progress:
    """JSON lines on a descriptor, in version 0 of bootc's format."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._begun = False

    def line(self, raw: bytes) -> None:
        if self._descriptor is not None:
            os.write(self._descriptor, raw + b"\n")

    def send(self, event: dict[str, Any]) -> None:
        if not self._begun:
            self._begun = True
            self.line(json.dumps({"type": "Start", "version": "0.1.0"}).encode())
        self.line(json.dumps(event).encode())

    def pulling(self, digest: str, fetched: int, total: int) -> None:
        self.send(
            {
                "type": "ProgressBytes",
                "task": "pulling",
                "description": f"Pulling Image: {digest}",
                "id": digest,
                "bytesCached": 0,
                "bytes": fetched,
                "bytesTotal": total,
                "stepsCached": 0,
                "steps": 0,
                "stepsTotal": 1,
                "subtasks": [],
            }
        )

    def steps(self, task: str, digest: str, done: int, total: int) -> None:
        self.send(
            {
                "type": "ProgressSteps",
                "task": task,
                "description": task,
                "id": digest,
                "stepsCached": 0,
                "steps": done,
                "stepsTotal": total,
                "subtasks": [{"subtask": task, "description": task, "id": task, "completed": True}],
            }
        )

    def staging(self, digest: str, fault: Record) -> None:
        """The last task; its end is not told apart from the step before."""
        if fault.get("kind") == "deploy-error":
            raise RefusalError(fault["text"])
        if fault.get("kind") == "no-progress":
            return
        for done in (0, 1, 1, 2, 3):
            self.steps("staging", digest, done, 3)


def deployment_of(sysroot: Sysroot, reference: str, doing: str) -> Record:
    """What the registry has under a pinned reference: an index leads to this architecture's manifest."""
    name, _, digest = reference.partition("@")
    registry = sysroot.read("registry.json")
    opening = f"{doing}: Pulling: Creating importer: failed to invoke method OpenImage: "
    if registry.get("down"):
        raise RefusalError(
            f"{opening}pinging container registry {name}: dial tcp: connect: connection refused"
        )
    if not authorized(sysroot, registry):
        raise RefusalError(
            f"{opening}reading manifest {digest} in {name}: unauthorized: authentication required"
        )
    image = registry.get("images", {}).get(digest)
    if image is None or name not in image["names"]:
        raise RefusalError(f"{opening}reading manifest {digest} in {name}: manifest unknown")
    return {**image["deployment"], "reference": reference, "transport": "registry"}


def authorized(sysroot: Sysroot, registry: Record) -> bool:
    """Whether the first of bootc's places for credentials that is there holds the right ones."""
    if "secret" not in registry:
        return True
    for name in ("etc/ostree/auth.json", "run/ostree/auth.json", "usr/lib/ostree/auth.json"):
        if (sysroot.folder / name).exists():
            return registry["secret"] in (sysroot.folder / name).read_text()
    return False


def pull(sysroot: Sysroot, reference: str, progress: Progress, fault: Record) -> Record:
    """Fetch the layers that are not there. What was fetched before a fault stays."""
    if fault.get("kind") == "error":
        raise RefusalError(fault["text"])
    record = deployment_of(sysroot, reference, "Switching")
    missing = [(layer, size) for layer, size in record["layers"] if not (sysroot.layers / layer).exists()]
    if not missing:
        say(f"No changes in {reference} => {record['manifest']}")
        return record
    total = sum(size for _, size in missing)
    if (sysroot.folder / "full").exists():
        raise RefusalError(
            f"Switching: Pulling: Insufficient free space for {reference} (available: 0 bytes "
            f"required: {total} bytes)"
        )
    if fault.get("kind") == "drip":
        for step in range(100):
            progress.pulling(record["manifest"], step, total)
    fetch(sysroot, record, missing, progress, fault)
    if fault.get("kind") != "no-progress":
        progress.steps("importing", record["manifest"], 1, 1)
    return record


def fetch(
    sysroot: Sysroot, record: Record, missing: list[tuple[str, int]], progress: Progress, fault: Record
) -> None:
    fetched, total = 0, sum(size for _, size in missing)
    for layer, size in missing:
        if layer == record.get("corrupt"):
            raise RefusalError(
                "Switching: Pulling: Importing: Unencapsulating base: Digest did not match, expected "
                f"{layer}, got sha256:{'f' * 64}"
            )
        progress.pulling(record["manifest"], fetched + size // 2, total)
        (sysroot.layers / layer).write_bytes(b"\0" * size)
        fetched += size
        if fault.get("kind") == "bad-progress":
            progress.line(b'{"type": "ProgressBytes", "bytes": -1, "bytesTotal": "many"}\n[]\n\xff{\n"text"')
        elif fault.get("kind") != "no-progress":
            progress.pulling(record["manifest"], fetched, total)
        after_first_layer(sysroot, fault)


def after_first_layer(sysroot: Sysroot, fault: Record) -> None:
    match fault.get("kind"):
        case "stall" | "pause":
            (sysroot.folder / "paused").write_text(str(os.getpid()))
            signal.pause()
        case "killed":
            signal.raise_signal(signal.SIGKILL)

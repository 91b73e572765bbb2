"""The embedded engine in a process of its own that dies where the test says.

    python -m tests.support.engine_process '{"root": ..., "layout": ..., "action": "stage", "digest": ...}'

`kill_at` ends it by SIGKILL right before the main thread's n-th change of the file system; `events` in the
printed result says how many there are. `kill_on` does so before the first change of a kind, `os.link` for
example. `file_limit` bounds the size of files, as a full disk would; `free_reserve` is how many bytes the
engine leaves free.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.model import ImageTarget
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.layout import LayoutSource

CHANGES = {"open", "os.rename", "os.mkdir", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod"}


class Reaper:
    """Counts the main thread's changes through Python's audit events, and kills at one of them."""

    def __init__(self, kill_at: int, kill_on: str) -> None:
        self.events = 0
        self._kill_at = kill_at
        self._kill_on = kill_on

    def __call__(self, event: str, arguments: Any) -> None:
        if event not in CHANGES or threading.current_thread() is not threading.main_thread():
            return
        if event == "open" and not arguments[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR):
            return
        self.events += 1
        if self.events == self._kill_at or event == self._kill_on:
            os.kill(os.getpid(), signal.SIGKILL)


def run_engine(root: Path, layout: Path, action: str, digest: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run one call in another process.

    Returns:
        Its exit status (-9 when it was killed), and what it printed.
    """
    order = {"root": str(root), "layout": str(layout), "action": action, "digest": digest, **more}
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.engine_process", json.dumps(order)],
        cwd=Path(__file__).parents[2],
        # Compiled modules would be written in the first run only, and counted.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(done.stderr.decode())
    return done.returncode, json.loads(done.stdout or "{}")


def main(order: dict[str, Any]) -> None:
    """Do what is ordered, and print how it went."""
    engine = EmbeddedEngine(
        Path(order["root"]),
        lambda reference: LayoutSource(Path(reference)),
        tuple(order.get("hook", ())),
        Limits(free_reserve=order.get("free_reserve", Limits().free_reserve)),
    )
    target = ImageTarget(order["digest"], (order["layout"],), "amd64")
    reaper = Reaper(order.get("kill_at", 0), order.get("kill_on", ""))
    sys.addaudithook(reaper)
    if "file_limit" in order:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_limit"],) * 2)
    outcome: dict[str, Any] = {"code": None}
    try:
        if order["action"] == "stage":
            result = engine.stage(target, lambda _: None, lambda: False)
            outcome["bytes_fetched"] = result.bytes_fetched
        elif order["action"] == "activate":
            engine.activate(target.digest)
        else:
            engine.rollback(target.digest)
    except TidegateError as error:
        outcome["code"] = str(error.code)
    json.dump({**outcome, "events": reaper.events}, sys.stdout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

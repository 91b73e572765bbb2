"""The podman engine in a process of its own that dies where the test says, with all that it has started.

    python -m tests.support.podman_process '{"state": …, "action": "stage", "digest": …}'

`kill_at` ends it by SIGKILL right before its n-th change of the file system or start of a program; `events`
in the printed result says how many there are. `kill_fetched` does so when podman has fetched all and the
image does not count as staged yet.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.podman_site import engine_on
from tidegate_agent.engines.podman.session import Session
from tidegate_agent.model import ImageTarget
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from tests.support.podman_site import PodmanSite
    from tidegate_agent.model import StageProgress

_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "subprocess.Popen"}


class Reaper:
    """Counts changes through Python's audit events, and kills at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.events = 0
        self._kill_at = kill_at

    def __call__(self, event: str, _: Any) -> None:
        if event in _CHANGES:
            self.events += 1
            if self.events == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


def run_podman_engine(site: PodmanSite, action: str, digest: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Run one call in another process.

    Returns:
        Its exit status (-9 when it was killed), and what it printed.
    """
    session = site.host.session()
    order = {
        "state": str(site.state),
        "registries_conf": str(site.host.registries_conf),
        "commands": [session.podman, session.systemctl, session.journal],
        "environment": dict(session.environment),
        "dropins": str(session.dropins),
        "references": site.target(digest).references,
        "action": action,
        "digest": digest,
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.podman_process", json.dumps(order)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(done.stderr.decode())
    return done.returncode, json.loads(done.stdout or "{}")


def main(order: dict[str, Any]) -> None:
    """Do what is ordered, and print how it went."""
    podman, systemctl, journal = (tuple(command) for command in order["commands"])
    session = Session(podman, systemctl, journal, order["environment"], Path(order["dropins"]))
    engine = engine_on(Path(order["state"]), Path(order["registries_conf"]), session)
    target = ImageTarget(order["digest"], tuple(order["references"]), "amd64")

    def look(step: StageProgress) -> None:
        if order.get("kill_fetched") and step.bytes_fetched == step.bytes_total:
            os.kill(os.getpid(), signal.SIGKILL)

    reaper = Reaper(order.get("kill_at", 0))
    sys.addaudithook(reaper)
    outcome: dict[str, Any] = {"code": None}
    try:
        if order["action"] == "stage":
            outcome["bytes_fetched"] = engine.stage(target, look, lambda: False).bytes_fetched
        elif order["action"] == "activate":
            engine.activate(target.digest)
        else:
            engine.rollback(target.digest)
    except TidegateError as error:
        outcome["code"] = str(error.code)
    json.dump({**outcome, "events": reaper.events}, sys.stdout)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

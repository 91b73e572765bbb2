"""Into podman's storage: by tidegate's podman engine, and by `podman pull` alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.bench import cost
from tests.bench.ways import Way, run_module
from tests.support.podman_host import UNIT, PodmanHost
from tests.support.podman_site import engine_on

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.cost import Cost
    from tests.bench.supply import Supply

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class PodmanWay(Way):
    """Tidegate's podman engine, over a unit that runs what was staged before."""

    name = "tidegate, podman engine"

    def __init__(self, supply: Supply, folder: Path) -> None:
        super().__init__(supply, folder)
        self._state = folder / "state"
        self._host = PodmanHost(folder / "host", supply.host)

    def stage(self, index: int) -> Cost:
        session = self._host.session()
        order = {
            "unit": UNIT,
            "state": str(self._state),
            "reference": self._supply.reference,
            "digest": self._supply.digests[index],
            "conf": str(self._supply.conf),
            "podman": session.podman,
            "environment": dict(session.environment),
            "dropins": str(session.dropins),
        }
        return run_module("tests.bench.stager_podman", json.dumps(order))

    def settle(self, index: int) -> None:
        engine = engine_on(self._state, self._supply.conf, self._host.session())
        engine.activate(self._supply.digests[index])

    def close(self) -> None:
        self._host.close()


class PodmanPull(Way):
    """`podman pull` of the digest."""

    name = "podman pull"

    def __init__(self, supply: Supply, folder: Path) -> None:
        super().__init__(supply, folder)
        self._host = PodmanHost(folder / "host", supply.host)

    def stage(self, index: int) -> Cost:
        image = f"{self._supply.reference}@{self._supply.digests[index]}"
        environment = {"PATH": _PATH, **self._host.environment}
        return cost.run([*self._host.podman, "pull", image], environment=environment, together=True)

    def close(self) -> None:
        self._host.close()

"""The podman engine in a process of its own: stages one image out of a registry.

    python -m tests.bench.stager_podman '{"unit": …, "state": …, "reference": …, "digest": …, "conf": …,
        "podman": […], "environment": {…}, "dropins": …}'

The unit is restarted on it by whoever calls this: how long a container takes to start is its own affair.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tidegate_agent.engines.podman.engine import PodmanEngine
from tidegate_agent.engines.podman.session import Session
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings


def main(order: dict[str, Any]) -> None:
    """Stage."""
    settings = RegistrySettings(registries_conf=Path(order["conf"]))
    session = Session(
        podman=tuple(order["podman"]), environment=order["environment"], dropins=Path(order["dropins"])
    )
    engine = PodmanEngine(
        order["unit"],
        Path(order["state"]),
        lambda text: open_source(parse_reference(text), settings),
        session,
    )
    target = ImageTarget(order["digest"], (order["reference"],), "amd64")
    engine.stage(target, lambda _: None, lambda: False)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

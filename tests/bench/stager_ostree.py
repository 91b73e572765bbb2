"""The ostree engine in a process of its own: stages one image out of a registry, and deploys it.

    python -m tests.bench.stager_ostree SYSROOT REFERENCE DIGEST REGISTRIES_CONF OS_NAME COMMAND…

The sysroot is one that no host runs from: a deployment is written at once, not at the next shutdown.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tidegate_agent.engines.ostree.engine import OstreeEngine
from tidegate_agent.engines.ostree.host import OstreeHost
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings


def main(sysroot: str, reference: str, digest: str, conf: str, os_name: str, *command: str) -> None:
    """Stage and activate."""
    settings = RegistrySettings(registries_conf=Path(conf))
    host = OstreeHost(os_name, Path(sysroot), command, live=False)
    engine = OstreeEngine(lambda text: open_source(parse_reference(text), settings), host)
    engine.stage(ImageTarget(digest, (reference,), "amd64"), lambda _: None, lambda: False)
    engine.activate(digest)


if __name__ == "__main__":
    main(*sys.argv[1:])

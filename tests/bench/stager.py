"""The embedded engine in a process of its own: stages one image out of a registry, and makes it current.

    python -m tests.bench.stager STORE REFERENCE DIGEST REGISTRIES_CONF

What this process needs is what an agent needs beyond its idle self.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings


def main(store: str, reference: str, digest: str, conf: str) -> None:
    """Stage and activate."""
    settings = RegistrySettings(registries_conf=Path(conf))
    engine = EmbeddedEngine(Path(store), lambda text: open_source(parse_reference(text), settings))
    engine.stage(ImageTarget(digest, (reference,), "amd64"), lambda _: None, lambda: False)
    engine.activate(digest)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""An ostree engine in a process of its own, to be killed.

    python -m tests.support.ostree_stager halfway SYSROOT LAYOUT DIGEST COMMAND...
    python -m tests.support.ostree_stager whole SYSROOT LAYOUT DIGEST COMMAND...

stages an image; the first writes a line when half of it is done, and then waits for ever.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.ostree_host import OS_NAME
from tidegate_agent.engines.images.limits import Limits
from tidegate_agent.engines.ostree.engine import OstreeEngine
from tidegate_agent.engines.ostree.host import OstreeHost
from tidegate_agent.model import ImageTarget
from tidegate_wire.registry.layout import LayoutSource

if TYPE_CHECKING:
    from tidegate_agent.model import StageProgress

_HALF = 50


def stall_halfway(step: StageProgress) -> None:
    """At half of the progress the first of two layers, or all of a single one, has been fetched."""
    if step.percent >= _HALF:
        sys.stdout.write("halfway\n")
        sys.stdout.flush()
        signal.pause()


def main() -> None:
    how, sysroot, layout, digest, *command = sys.argv[1:]
    progress = stall_halfway if how == "halfway" else lambda _: None
    host = OstreeHost(OS_NAME, Path(sysroot), tuple(command), live=True)
    engine = OstreeEngine(lambda reference: LayoutSource(Path(reference)), host, Limits(free_reserve=0))
    engine.stage(ImageTarget(digest, (layout,), "amd64"), progress, lambda: False)


if __name__ == "__main__":
    main()

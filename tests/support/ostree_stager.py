"""An ostree engine in a process of its own, which stops in the middle of staging, to be killed there.

    python -m tests.support.ostree_stager SYSROOT LAYOUT DIGEST COMMAND...

writes a line when half of it is done, and then waits for ever.
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
    sysroot, layout, digest, *command = sys.argv[1:]
    host = OstreeHost(OS_NAME, Path(sysroot), tuple(command), live=True)
    engine = OstreeEngine(lambda reference: LayoutSource(Path(reference)), host, Limits(free_reserve=0))
    engine.stage(ImageTarget(digest, (layout,), "amd64"), stall_halfway, lambda: False)


if __name__ == "__main__":
    main()

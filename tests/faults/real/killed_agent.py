"""An agent that is ended at a boundary: `tidegate-agent run` with a toll between it and the outside.

    python -m tests.faults.real.killed_agent AGENT.TOML RECORD [BOUNDARY SIGNAL [FOLDER]]

It is a composition root of its own: adapters and agent are those of `tidegate_agent.wiring`. With FOLDER the
agent lives on the simulated host that is there.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.faults.real.simulated_host import moved_to
from tests.faults.real.toll import Toll, tolled
from tidegate_agent import wiring
from tidegate_agent.adapters import logs
from tidegate_agent.adapters.alone import alone
from tidegate_agent.config import load


def main(config: Path, record: Path, at: str = "", number: str = "9", folder: str = "") -> None:
    """Run until stopped, or ended at the boundary."""
    settings = load((config,)).settings
    logs.configure(settings.log.level, settings.log.format)
    toll = Toll(record, at, int(number))
    with alone(settings.state.directory):
        outside = wiring.outside_of(settings)
        if folder:
            outside = moved_to(Path(folder), outside, settings)
        agent = wiring.put_together(settings, tolled(outside, toll))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: agent.stop())
        agent.run(ready=lambda: None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])

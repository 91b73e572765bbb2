"""The composition root: the only maker of adapters. From settings to a running agent.

| module   | makes                                            |
|----------|--------------------------------------------------|
| `agent`  | the running agent                                |
| `outside`| its adapters, one for each port                  |
| `service`| the agent, and the wait for its disk              |
| `rest`   | what is told while none runs                     |
| `images` | what a follow does with images                   |
| `engines`| image engines                                    |
| `trust`  | the verifier                                     |
| `roots`  | the keeper of the trusted root, and its upkeep   |
| `downloads`| what fetching images may cost                  |
| `metrics`| numbers for Prometheus, where they are wanted    |
| `values` | plain values for the core, journal and host      |
"""

from __future__ import annotations

from tidegate_agent.wiring.agent import Agent, build, put_together
from tidegate_agent.wiring.outside import Outside, outside_of
from tidegate_agent.wiring.rest import judge, latest_known, status_at_rest
from tidegate_agent.wiring.roots import refresh_now, root_lines
from tidegate_agent.wiring.service import Service
from tidegate_agent.wiring.values import open_journal

__all__ = [
    "Agent",
    "Outside",
    "Service",
    "build",
    "judge",
    "latest_known",
    "open_journal",
    "outside_of",
    "put_together",
    "refresh_now",
    "root_lines",
    "status_at_rest",
]

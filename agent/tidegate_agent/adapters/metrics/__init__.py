"""The agent's numbers for Prometheus. Loaded only where the configuration asks for them.

| module     | holds                                             |
|------------|---------------------------------------------------|
| `counting` | what is counted as it happens                     |
| `gauges`   | what is looked at when somebody asks              |
| `textfile` | a file for node_exporter                          |
| `endpoint` | a socket that Prometheus asks                     |

Every label has few values: channels are those of the host's own configuration, all else is a word of the
schemas package. Nothing that somebody else chose becomes one.
"""

from __future__ import annotations

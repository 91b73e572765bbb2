"""Configuration: TOML drop-ins, merged in systemd's manner into frozen settings.

files --fragments--> one tree with origins --settings--> Settings
                                 |                          |
                             problems (all at once)      explain
"""

from __future__ import annotations

from tidegate_agent.config.fragments import DIRECTORIES
from tidegate_agent.config.host import derived_host_id, host_zone
from tidegate_agent.config.loading import Loaded, explain, load, warnings
from tidegate_agent.config.problems import InvalidConfigError, Problem
from tidegate_agent.config.settings import Settings

__all__ = [
    "DIRECTORIES",
    "InvalidConfigError",
    "Loaded",
    "Problem",
    "Settings",
    "derived_host_id",
    "explain",
    "host_zone",
    "load",
    "warnings",
]

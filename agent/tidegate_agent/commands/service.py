"""`tidegate-agent run`: what the service does."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.adapters import logs, sd_notify
from tidegate_agent.adapters.alone import alone
from tidegate_agent.commands.answer import Answer
from tidegate_agent.commands.parsing import add_command, configuration
from tidegate_agent.config import warnings
from tidegate_schemas import __version__

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands


def register(commands: Commands) -> None:
    """Add the command."""
    add_command(commands, "run", _run, "work until stopped (what the service does)")


def _run(options: argparse.Namespace) -> Answer:
    from tidegate_agent import wiring  # noqa: PLC0415 - the other commands need none of the adapters

    loaded = configuration(options)
    settings = loaded.settings
    logs.configure(settings.log.level, settings.log.format)
    for warning in warnings(loaded):
        logger.warning("{}", warning)
    with alone(settings.state.directory):
        service = wiring.Service(settings)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: service.stop())
        logger.info("tidegate-agent {} begins", __version__)
        service.run(ready=lambda: sd_notify.notify("READY=1"))
    logger.info("tidegate-agent ends")
    return Answer()

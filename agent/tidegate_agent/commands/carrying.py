"""The command for hosts without a network: apply takes statement and image from where a person put them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate_agent.adapters import control_unix
from tidegate_agent.commands.answer import Answer
from tidegate_agent.commands.parsing import add_command, configuration
from tidegate_agent.commands.trusting import bundle
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    import argparse

    from tidegate_agent.commands.parsing import Commands
    from tidegate_agent.config import Settings
    from tidegate_agent.config.follows import FollowSettings


def register(commands: Commands) -> None:
    """Add the command."""
    apply = add_command(
        commands, "apply", _apply, "update from an image and an announcement that were carried here"
    )
    apply.add_argument("layout", type=Path, help="the image: an OCI layout, or an uncompressed tar of one")
    apply.add_argument(
        "--bundle", type=Path, required=True, metavar="FILE", help="the announcement, a Sigstore bundle"
    )
    apply.add_argument("--follow", metavar="PRODUCT/CHANNEL", help="needed if there are several")
    apply.add_argument(
        "--now", action="store_true", help="approve it also, and do not wait for the maintenance window"
    )


def _apply(options: argparse.Namespace) -> Answer:
    from tidegate_agent import wiring  # noqa: PLC0415 - only needed by some commands
    from tidegate_agent.wiring.carried import require_carried  # noqa: PLC0415 - as above

    settings = configuration(options).settings
    entry, raw, layout = _entry(settings, options.follow), bundle(options.bundle), options.layout.resolve()
    # The agent does all of this once more; here it is for the person, at once and in full.
    lines = wiring.judge(settings, entry.follow.key, raw)
    digest = require_carried(settings, entry, raw, layout)
    request = {
        "command": "apply",
        "follow": entry.follow.key,
        "bundle": base64.b64encode(raw).decode(),
        "layout": str(layout),
        "approve": digest if options.now else None,
    }
    control_unix.ask(settings.state.runtime_directory, request)
    return Answer([*lines, f"{entry.follow.key}: taken up; tidegate-agent status says what comes of it"])


def _entry(settings: Settings, key: str | None) -> FollowSettings:
    found = [each for each in settings.follow if key in (None, each.follow.key)]
    if len(found) != 1:
        known = ", ".join(each.follow.key for each in settings.follow)
        raise ConfigError(Code.CONFIG_VALUE, f"name one of the follows of this host with --follow: {known}")
    return found[0]

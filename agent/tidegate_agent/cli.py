"""The `tidegate-agent` command. The only place that exits, and the only one that prints."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from tidegate_agent.commands import carrying, inquiry, intervention, provisioning, service, trusting
from tidegate_agent.commands.answer import FAILED, OK
from tidegate_agent.commands.parsing import add_config
from tidegate_agent.config import InvalidConfigError
from tidegate_schemas import __version__
from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate_agent.commands.answer import Answer

DESCRIPTION: Final = """\
Keeps this host at the image that its release channel stands at: hears signed announcements over MQTT,
verifies them, stages the image, activates it in the maintenance window, proves it healthy or goes back.
"""

EPILOG: Final = """\
exit status: 0 done, 1 failed or refused (the code says why), 2 wrong usage.
configuration: agent.toml and agent.toml.d/*.toml in /etc/tidegate, /run/tidegate, /usr/lib/tidegate.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(argv)
    try:
        return _say(options.command(options))
    except InvalidConfigError as error:
        print(error.reason, file=sys.stderr)
        return FAILED
    except TidegateError as error:
        print(f"tidegate-agent: {error.reason}\n  [{error.code}] {error.remedy}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader (head, less) had enough.
        sys.stderr.close()
        return OK


def _say(answer: Answer) -> int:
    for line in answer.lines:
        print(line)
    for note in answer.notes:
        print(note, file=sys.stderr)
    return answer.status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tidegate-agent",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tidegate-agent {__version__}")
    add_config(parser, default=None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in (service, inquiry, intervention, carrying, trusting, provisioning):
        group.register(commands)
    return parser

"""Stands in for `ostree admin` on a simulated host (see `host`), as far as the rpm-ostree engine needs it.

Fault: `old_ostree`: a release before 2023.7, which knows neither `lock-finalization` nor `set-default`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tests.support.standins.host import Failed, Host

if TYPE_CHECKING:
    from pathlib import Path

_OLD = {"undeploy"}
_NEW = {*_OLD, "lock-finalization", "set-default"}


def main(folder: Path, arguments: list[str]) -> int:
    """Run one command; its exit status."""
    host = Host(folder)
    try:
        with host.change() as state:
            _run(host, state, arguments)
    except Failed as failure:
        print(f"error: {failure}", file=sys.stderr)  # noqa: T201 - a program's output
        return 1
    return 0


def _run(host: Host, state: dict[str, Any], arguments: list[str]) -> None:
    _, command, *rest = arguments
    if command not in (_OLD if state["faults"].get("old_ostree") else _NEW):
        raise Failed(f"Unknown \"admin\" subcommand '{command}'")
    if command == "lock-finalization":
        if not state["staged"]:
            raise Failed("No staged deployment")
        # Without telling rpm-ostree's daemon: that goes on reporting what it read before.
        host.set_lock(state, locked="--unlock" not in rest)
        return
    index = int(rest[0]) - bool(state["staged"])
    if command == "set-default":
        state["deployments"].insert(0, state["deployments"].pop(index))
    elif index < 0:
        host.unstage(state)
    else:
        del state["deployments"][index]
    host.prune(state)

"""`tidegate rollout`: its commands."""

from __future__ import annotations

from typing import Final

import click

from tidegate_publisher.lazy import Entry, LazyGroup

_HERE: Final = "tidegate_publisher.commands"

COMMANDS: Final = {
    "run": Entry(f"{_HERE}.rollout_run:run", "Lead a release from its first wave to its last."),
    "plan": Entry(f"{_HERE}.rollout_look:plan", "Show which known hosts fall in which wave; sign nothing."),
    "status": Entry(f"{_HERE}.rollout_look:status", "Show where a channel's rollout stands."),
    "approve": Entry(f"{_HERE}.rollout_approve:approve", "Let a wave through that a run asks for."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, short_help="Lead a release from wave to wave, watched.")
def rollout() -> None:
    """Lead a release from wave to wave, watched: docs/rollouts.md.

    `run` announces it and opens the next wave when the one before has met its gate; it holds or revokes the
    release when too many hosts fail, fall silent or drop out. `plan` and `status` look and sign nothing;
    `approve` lets a wave through that waits for a person.

    To stop such a release by hand: `tidegate hold PRODUCT/CHANNEL`, or `tidegate revoke` for good; the run
    sees it and ends. To let it go on: `tidegate resume`, then the same `run` again.
    """

"""`tidegate dev`: local services for trying out."""

from __future__ import annotations

from typing import Final

import click

from tidegate_publisher.lazy import Entry, LazyGroup

_SIGSTORE: Final = "tidegate_publisher.devstack.sigstore.command"

COMMANDS: Final = {
    "demo": Entry(
        "tidegate_publisher.devstack.demo.command:demo_command",
        "See the whole chain at work on this machine, in less than a minute.",
    ),
    "fleet": Entry(
        "tidegate_publisher.devstack.simulator.command:fleet_command",
        "Simulate a fleet: thousands of protocol-true hosts in a few processes.",
    ),
    "image": Entry(
        "tidegate_publisher.devstack.image_command:image_command", "Pack a folder into an OCI image layout."
    ),
    "rollout": Entry(
        "tidegate_publisher.devstack.rollout_demo.command:rollout_command",
        "See a release to 10,000 simulated hosts stopped in time, fixed, finished.",
    ),
    "sigstore": Entry(f"{_SIGSTORE}:sigstore_command", "Run a local Sigstore, for development only."),
    "token": Entry(f"{_SIGSTORE}:token_command", "Print an identity token that the local Sigstore accepts."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, short_help="Local services for trying out; protect nothing.")
def dev() -> None:
    """Local services for trying tidegate out. They protect nothing: never let a real host trust them."""

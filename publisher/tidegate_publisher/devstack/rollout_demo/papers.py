"""What a person would write for this release: release files, and who may sign. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_publisher.devstack.rollout_demo.scenario import BAD, CHANNEL, PRODUCT, TOLERATED, WAVES

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.rollout_demo.scenario import Scenario


def release_file(scenario: Scenario, images: Path, version: str) -> str:
    """The release file of one version. With the last wave every host has to have succeeded.

    Only the first soaks: that takes a statement for each wave, and each makes every host tell its status.
    """
    soak = "1s" if version == BAD else "0s"
    waves = "\n".join(
        f"    - {{name: {name}, fraction: {fraction:.6f}}}"
        for name, fraction in zip(WAVES, scenario.fractions, strict=True)
    )
    waves = waves.removesuffix("}") + ", gate: {success: 100%}}"
    return f"""\
product: {PRODUCT}
channel: {CHANNEL}
image: oci:{images}:{version}
version: "{version}"
expires_in: 7d
gate:
  success: 90%
  failures: {{share: {TOLERATED:.0%}, minimum: {scenario.minimum}}}
  soak: {soak}
  timeout: 15m
rollout:
  seed: {scenario.release_seed}
  waves:
{waves}
"""


def signers_file(key: Path) -> str:
    """Whom the hosts and the release job trust."""
    return f'[[signers]]\nname = "release"\nkey = "{key}"\n'

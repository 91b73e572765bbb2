"""What a person would write: release files, who may sign, and the words for the fleet. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_publisher.devstack.rollout_demo.scenario import BAD, CHANNEL, PRODUCT, TOLERATED, WAVES

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_publisher.devstack.rollout_demo.scenario import Scenario

_CONNECTIONS_PER_S: Final = 1500


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


def fleet_words(scenario: Scenario, running: str, root: Path, processes: int | None) -> list[str]:
    """What `tidegate` is told to simulate the fleet, but for the brokers."""
    share = scenario.share
    words = ["dev", "fleet", f"{PRODUCT}/{CHANNEL}", "--hosts", str(scenario.hosts), "--json"]
    words += ["--speed", f"{scenario.speed:g}", "--seed", scenario.seed]
    words += ["--behave", f"{share.name}={share.fraction}@{share.version}"]
    words += ["--running", running, "--reboots", "0.05", "--no-progress"]
    words += ["--subscribe-qos", "0", "--ask-again", "60", "--keepalive", "60"]
    # docs/brokers.md: three times hosts over the connections that the brokers take in a second.
    words += ["--reconnect-first", f"{max(1.0, 3 * scenario.hosts / _CONNECTIONS_PER_S):g}"]
    words += ["--signers", str(root / "signers.toml"), "--ledger", str(root / "ledger.txt")]
    return words if processes is None else [*words, "--processes", str(processes)]

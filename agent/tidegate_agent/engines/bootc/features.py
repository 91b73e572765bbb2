"""What this release of bootc can do, read from its `--help`.

Version numbers would not tell: distributions take single changes over into older releases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.tool import Tool


@dataclass(frozen=True, slots=True)
class Features:
    """Options that not every release has.

    Attributes:
        switch_locks: `switch --download-only`: what is staged is locked from the beginning.
        upgrade_locks: `upgrade --download-only`: what is staged can be locked afterwards.
        unlocks_offline: `upgrade --from-downloaded`: it is unlocked without asking the registry.
        soft_reboots: `upgrade --soft-reboot`: a restart of userspace alone can be prepared.
    """

    switch_locks: bool
    upgrade_locks: bool
    unlocks_offline: bool
    soft_reboots: bool


def probe(bootc: Tool, timeout_s: float) -> Features:
    """Ask bootc for its options. Takes no lock.

    Raises:
        EngineError: ENGINE_MISSING, ENGINE_TIMEOUT, or ENGINE_OUTPUT when it does not know the command.
    """
    switch, upgrade = (
        bootc.check(command, "--help", code=Code.ENGINE_OUTPUT, timeout_s=timeout_s).stdout
        for command in ("switch", "upgrade")
    )
    return read_features(switch.decode(errors="replace"), upgrade.decode(errors="replace"))


def read_features(switch: str, upgrade: str) -> Features:
    """What the help texts of `bootc switch` and `bootc upgrade` say."""
    can_switch, can_upgrade = _options(switch), _options(upgrade)
    return Features(
        switch_locks="--download-only" in can_switch,
        upgrade_locks="--download-only" in can_upgrade,
        unlocks_offline="--from-downloaded" in can_upgrade,
        soft_reboots="--soft-reboot" in can_upgrade,
    )


def _options(text: str) -> frozenset[str]:
    # Only where an option is introduced, at the beginning of a line: descriptions speak of other commands'.
    return frozenset(re.findall(r"^\s*(?:-\w, )?(--[a-z][a-z-]*)", text, re.MULTILINE))

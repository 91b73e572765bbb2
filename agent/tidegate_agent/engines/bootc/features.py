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
    switch = _options(bootc, "switch", timeout_s)
    upgrade = _options(bootc, "upgrade", timeout_s)
    return Features(
        switch_locks="--download-only" in switch,
        upgrade_locks="--download-only" in upgrade,
        unlocks_offline="--from-downloaded" in upgrade,
        soft_reboots="--soft-reboot" in upgrade,
    )


def _options(bootc: Tool, command: str, timeout_s: float) -> frozenset[str]:
    output = bootc.check(command, "--help", code=Code.ENGINE_OUTPUT, timeout_s=timeout_s)
    # Only where an option is introduced, at the beginning of a line: descriptions speak of other commands'.
    found = re.findall(
        r"^\s*(?:-\w, )?(--[a-z][a-z-]*)", output.stdout.decode(errors="replace"), re.MULTILINE
    )
    return frozenset(found)

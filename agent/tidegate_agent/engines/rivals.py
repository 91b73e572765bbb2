"""Other update agents on the host: two masters must not share one.

Each of these stages images by itself and reboots into them when it likes: with one of them active, neither a
window nor a signature means anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.tool import Tool

RIVALS: Final = (
    "bootc-fetch-apply-updates.timer",
    "eos-autoupdater.timer",
    "rpm-ostreed-automatic.timer",
    "zincati.service",
)
"""The units that come with image-mode systems: bootc's own, Endless OS's, rpm-ostree's, Fedora CoreOS's."""

_ACTIVE: Final = frozenset({"active", "activating", "reloading"})
_ENABLED: Final = frozenset({"enabled", "enabled-runtime"})
_NO_SYSTEMD: Final = "not been booted with systemd"
_PROPERTIES: Final = "--property=Id,ActiveState,UnitFileState"
_TIMEOUT_S: Final = 60.0


def rivals(systemctl: Tool) -> tuple[str, ...]:
    """What else updates this host, a sentence each with the command that stops it; empty when nothing does.

    A unit counts when it is active, or enabled and so comes back with the next boot. On a host without
    systemd there is none.

    Raises:
        EngineError: ENGINE_TIMEOUT or ENGINE_OUTPUT.
    """
    try:
        output = systemctl.run("show", _PROPERTIES, "--", *RIVALS, timeout_s=_TIMEOUT_S)
    except EngineError as error:
        if error.code is Code.ENGINE_MISSING:
            return ()
        raise
    if output.status != 0 and _NO_SYSTEMD in output.stderr:
        return ()
    if output.status != 0:
        raise EngineError(Code.ENGINE_OUTPUT, systemctl.failure(output, "show", *RIVALS), retryable=True)
    return tuple(_sentences(output.stdout.decode(errors="replace")))


def refuse_rivals(systemctl: Tool) -> None:
    """Refuse to go on beside another update agent.

    Raises:
        EngineError: ENGINE_CONFLICT, retryable; or as `rivals`.
    """
    if found := rivals(systemctl):
        raise EngineError(Code.ENGINE_CONFLICT, "; ".join(found), retryable=True)


def _sentences(shown: str) -> list[str]:
    """One for each block of `systemctl show` that tells of a unit which is at work."""
    sentences = []
    for block in shown.split("\n\n"):
        unit = dict(line.partition("=")[::2] for line in block.splitlines())
        state, enablement = unit.get("ActiveState", ""), unit.get("UnitFileState", "")
        if state in _ACTIVE or enablement in _ENABLED:
            name = unit.get("Id", "?")
            found = state if state in _ACTIVE else enablement
            sentences.append(
                f"{name} is {found} and updates this host too: run `systemctl mask --now {name}`"
            )
    return sentences

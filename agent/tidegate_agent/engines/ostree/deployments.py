"""What `ostree admin status` tells, and which deployment is for what. PURE.

The text is read, because Debian's ostree has no other form up to 2025.2. The first line of each deployment,

    * debian 9f86d0…a08.0 (staged)

has been the same since 2016. `*` marks the one that runs, which ostree knows by the inode of `/`; the kernel
command line does not say, since the links that it names move when a new deployment has the same kernel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_schemas.codes import Code

_FIRST = re.compile(r"([* ]) (\S+) ([0-9a-f]{64})\.(\d{1,9})((?: \([a-z -]+\))*)")
_NONE = "No deployments."
_LOCKED = "(finalization locked)"
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Deployment:
    """One line of the boot menu, or the staged one that will become its first.

    Attributes:
        index: how `ostree admin undeploy` and `set-default` call it.
        os_name: the stateroot, whose /var it has.
        commit: the ostree commit.
        serial: tells deployments of the same commit apart.
        booted: whether it runs, as ostree sees it.
        staged: whether it is still to be finalized, at shutdown.
        locked: whether that finalization is locked, so that a shutdown drops it.
        pinned: whether somebody asked to keep it.
    """

    index: int
    os_name: str
    commit: str
    serial: int = 0
    booted: bool = False
    staged: bool = False
    locked: bool = False
    pinned: bool = False


Booted = Callable[[Sequence[Deployment]], Deployment | None]
"""Tells which deployment runs."""


def marked(deployments: Sequence[Deployment]) -> Deployment | None:
    """The one that ostree itself takes for the running one: on a live host."""
    return next((one for one in deployments if one.booted), None)


def first(deployments: Sequence[Deployment]) -> Deployment | None:
    """The one that would be booted, for a sysroot that no host runs from, as while it is being built."""
    return next((one for one in deployments if not one.staged), None)


def parse_status(text: str) -> tuple[Deployment, ...]:
    """Read `ostree admin status`, in the C locale.

    Raises:
        EngineError: ENGINE_OUTPUT, when it is something else.
    """
    lines = text.splitlines()
    if [line.strip() for line in lines if line.strip()] == [_NONE]:
        return ()
    found: list[Deployment] = []
    for line in lines:
        match = _FIRST.fullmatch(line.rstrip())
        if match is not None:
            mark, os_name, commit, serial, state = match.groups()
            locked = _LOCKED in state
            found.append(
                Deployment(
                    index=len(found),
                    os_name=os_name,
                    commit=commit,
                    serial=int(serial),
                    booted=mark == "*",
                    staged=locked or "(staged)" in state,
                    locked=locked,
                )
            )
        elif found and line.strip() == "Pinned: yes":
            found[-1] = replace(found[-1], pinned=True)
        elif not found and line.strip():
            raise _garbage(line)
    if not found or len(found) > _MOST:
        raise _garbage(text[:80])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Slots:
    """One operating system's deployments, by what they are for.

    Attributes:
        booted: what runs.
        staged: what a shutdown will finalize, or drop when it is locked.
        previous: the way back; after a fallback of the boot loader, the one that did not come up.
        queued: whether the next boot brings another one than the running, staged or not.
        surplus: those that nobody needs, the last of the menu first.
        kept: all others, those of other operating systems too.
    """

    booted: Deployment | None
    staged: Deployment | None
    previous: Deployment | None
    queued: bool
    surplus: tuple[Deployment, ...]
    kept: tuple[Deployment, ...]


def slots(deployments: Sequence[Deployment], os_name: str, booted: Booted) -> Slots:
    """Sort them."""
    runs = booted(deployments)
    menu = [one for one in deployments if not one.staged]
    own = [one for one in menu if one.os_name == os_name and one != runs]
    previous = own[0] if own else None
    surplus = tuple(one for one in reversed(own) if one != previous and not one.pinned)
    return Slots(
        booted=runs,
        staged=next((one for one in deployments if one.staged), None),
        previous=previous,
        queued=runs is not None and bool(menu) and menu[0] != runs,
        surplus=surplus,
        kept=tuple(one for one in deployments if one not in surplus),
    )


def _garbage(what: str) -> EngineError:
    reason = f"`ostree admin status` printed something that is no list of deployments: {one_line(what)!r}"
    return EngineError(Code.ENGINE_OUTPUT, reason, retryable=True)

"""What `rpm-ostree status --json` says, as far as the engine needs it.

The form is that of rpm-ostree's D-Bus property `Deployments` (rust/src/daemon.rs and
src/daemon/rpmostreed-deployment-utils.cxx in its sources): keys come and go with releases, so what is not
needed is not looked at, and what is needed is checked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

_DEPLOYMENTS: Final = 100
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LAYERED: Final = (
    "requested-packages",
    "requested-local-packages",
    "requested-base-removals",
    "requested-base-local-replacements",
    "requested-base-remote-replacements",
)
_REFERENCE_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Deployment:
    """One bootable system.

    Attributes:
        index: its place in the list, for `ostree admin`; the first is the next boot's.
        digest: the announced digest where the origin is pinned to one; else the manifest's, as it is with
            an origin that names a tag; else, for what is no container image, `sha256:` and the checksum of
            the commit.
        reference: the origin, such as `ostree-image-signed:docker://quay.io/os@sha256:…`.
        layered: packages and overrides that somebody put on top of the image.
    """

    index: int
    digest: str
    reference: str
    booted: bool
    staged: bool
    layered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostStatus:
    """All deployments in the boot loader's order.

    Attributes:
        deployments: those of every stateroot; the staged one comes first.
        booted: the running one.
        transaction: the D-Bus method of the transaction that is under way, or None.
    """

    deployments: tuple[Deployment, ...]
    booted: Deployment
    transaction: str | None

    @property
    def staged(self) -> Deployment | None:
        """What is staged."""
        return next((one for one in self.deployments if one.staged), None)

    @property
    def first(self) -> Deployment:
        """What the boot loader starts, apart from what is staged."""
        return self._entries[0]

    @property
    def queued(self) -> bool:
        """Whether the boot loader would start another one than the one that runs."""
        return self.first is not self.booted

    @property
    def previous(self) -> Deployment | None:
        """What a rollback means: what is queued, or else what comes after the running one."""
        if self.queued:
            return self.first
        return next(iter(self._after_booted), None)

    @property
    def toggled(self) -> Deployment:
        """What `rpm-ostree rollback` would put first: the next after the running one, or that itself."""
        return next(iter(self._after_booted), self.booted)

    @property
    def _entries(self) -> tuple[Deployment, ...]:
        return tuple(one for one in self.deployments if not one.staged)

    @property
    def _after_booted(self) -> tuple[Deployment, ...]:
        entries = self._entries
        return entries[entries.index(self.booted) + 1 :]


def parse_status(document: object) -> HostStatus:
    """Read the answer.

    Raises:
        EngineError: ENGINE_OUTPUT.
    """
    found = document.get("deployments") if isinstance(document, dict) else None
    if not isinstance(found, list) or not 0 < len(found) <= _DEPLOYMENTS:
        raise _strange("there is no list of deployments in it")
    stateroot = next((_get(one, "osname", str) for one in found if _flag(one, "booted")), None)
    if stateroot is None:
        raise _strange("no deployment is marked as booted")
    parsed = (
        _deployment(index, one) for index, one in enumerate(found) if _get(one, "osname", str) == stateroot
    )
    deployments = tuple(parsed)
    booted = [one for one in deployments if one.booted]
    if len(booted) != 1 or booted[0].staged:
        raise _strange("not exactly one deployment is marked as booted")
    return HostStatus(deployments, booted[0], _transaction(document))


def _deployment(index: int, found: object) -> Deployment:
    image = _get(found, "container-image-reference", str, "")
    manifest = _get(found, "container-image-reference-digest", str, "")
    return Deployment(
        index=index,
        digest=_digest(image, manifest, _get(found, "checksum", str)),
        reference=(image or _get(found, "origin", str, ""))[:_REFERENCE_CHARACTERS],
        booted=_flag(found, "booted"),
        staged=_flag(found, "staged"),
        layered=tuple(name for key in _LAYERED for name in _names(found, key)),
    )


def _digest(image: str, manifest: str, checksum: str) -> str:
    """A digest that names a deployment, whatever it was made of."""
    for candidate in (image.rpartition("@")[2], manifest, f"sha256:{checksum}"):
        if _DIGEST.fullmatch(candidate):
            return candidate
    raise _strange(f"a deployment has the checksum {checksum[:80]!r}")


def _transaction(document: object) -> str | None:
    """The method's name: the property is the method, who asked, and the object (sss)."""
    found = document.get("transaction") if isinstance(document, dict) else None
    if found is None:
        return None
    if not isinstance(found, list) or not found or not isinstance(found[0], str):
        raise _strange("its transaction is not a list")
    return found[0] or None


def _names(found: object, key: str) -> tuple[str, ...]:
    """The names in a list or, for overrides from a repository, the keys of a table."""
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, list | dict):
        return ()
    return tuple(name for name in value if isinstance(name, str))


def _flag(found: object, key: str) -> bool:
    value = found.get(key, False) if isinstance(found, dict) else None
    if not isinstance(value, bool):
        raise _strange(f"{key} of a deployment is not true or false")
    return value


def _get(found: object, key: str, kind: type[str], default: str | None = None) -> str:
    value = found.get(key, default) if isinstance(found, dict) else None
    if not isinstance(value, kind):
        raise _strange(f"a deployment has no {key}")
    return value


def _strange(why: str) -> EngineError:
    return EngineError(
        Code.ENGINE_OUTPUT, f"`rpm-ostree status --json` cannot be understood: {why}", retryable=True
    )

"""What `bootc status --format=json --format-version=1` says, as far as the engine goes by it.

Source: bootc's schema `host-v1` (docs/src/host-v1.schema.json of bootc 1.16). Fields that are not known are
passed over: releases add some. One that is known and has another type than the schema's is an error, for then
nothing in the document can be relied on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_schemas.codes import Code

MAX_DEPLOYMENTS: Final = 64
"""How many other deployments are read; each costs a host gigabytes of its disk."""

_API: Final = "org.containers.bootc/v1"
_KIND: Final = "BootcHost"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Image:
    """A container image that a deployment was made from.

    Attributes:
        reference: how it was asked for, in the words of its transport.
        transport: `registry`, `oci`, …
        manifest: digest of the manifest for this architecture: where an index was asked for, not the index's.
    """

    reference: str
    transport: str
    manifest: str

    @property
    def pin(self) -> str | None:
        """The digest that was asked for: an index's or a manifest's; None when it was asked for by a tag."""
        _, at, digest = self.reference.rpartition("@")
        return digest if at and self.transport == "registry" else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A deployment.

    Attributes:
        image: None where it was not made from a container image, or was changed since.
        incompatible: it holds changes that bootc does not understand: packages layered by rpm-ostree.
        locked: staged for download only: the next shutdown does not finalize it.
        soft_rebootable: userspace alone can be restarted into it.
    """

    image: Image | None
    incompatible: bool
    locked: bool
    soft_rebootable: bool

    @property
    def pin(self) -> str | None:
        """The digest that its image was asked for by; None where there is no image, or only a tag."""
        return None if self.image is None else self.image.pin


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The host's deployments.

    Attributes:
        booted: None where the host was not booted by bootc or ostree.
        staged: what the next boot brings, if it is not locked.
        rollback: what ran before, or would run if the boot loader's order was followed.
        rollback_queued: whether the next boot brings `rollback`, if nothing is staged.
        read_only: the host runs from a medium that cannot be changed.
        document: what of the document a later `bootc edit` has to repeat: `apiVersion`, `kind` and `spec`.
    """

    booted: Entry | None
    staged: Entry | None
    rollback: Entry | None
    rollback_queued: bool
    read_only: bool
    document: dict[str, object]


def parse_status(document: object) -> HostStatus:
    """Read a status document.

    Raises:
        EngineError: ENGINE_OUTPUT, with the place and what was found there.
    """
    top = _typed(document, dict, "the document")
    api, kind = top.get("apiVersion"), top.get("kind")
    # Old releases say v1alpha1, and mean the same.
    if kind != _KIND or not isinstance(api, str) or not api.startswith(_API):
        raise _refused("apiVersion and kind", f"{api} {kind}")
    status = _typed(top.get("status", {}), dict, "status")
    others = _typed(status.get("otherDeployments", []), list, "status.otherDeployments")
    if len(others) > MAX_DEPLOYMENTS:
        raise _refused("status.otherDeployments", f"{len(others)} of them")
    return HostStatus(
        booted=_entry(status, "booted"),
        staged=_entry(status, "staged"),
        rollback=_entry(status, "rollback"),
        rollback_queued=_flag(status, "rollbackQueued", "status"),
        read_only=_flag(status, "readOnly", "status"),
        document={"apiVersion": api, "kind": kind, "spec": _typed(top.get("spec", {}), dict, "spec")},
    )


def _entry(status: dict[str, object], slot: str) -> Entry | None:
    found = status.get(slot)
    if found is None:
        return None
    place = f"status.{slot}"
    entry = _typed(found, dict, place)
    return Entry(
        image=_image(entry.get("image"), f"{place}.image"),
        incompatible=_flag(entry, "incompatible", place),
        locked=_flag(entry, "downloadOnly", place),
        soft_rebootable=_flag(entry, "softRebootCapable", place),
    )


def _image(found: object, place: str) -> Image | None:
    if found is None:
        return None
    image = _typed(found, dict, place)
    reference = _typed(image.get("image"), dict, f"{place}.image")
    # `signature` stands beside these: absent, a word or an object. Who signed what was verified before.
    return Image(
        reference=_typed(reference.get("image"), str, f"{place}.image.image"),
        transport=_typed(reference.get("transport"), str, f"{place}.image.transport"),
        manifest=_typed(image.get("imageDigest"), str, f"{place}.imageDigest"),
    )


def _flag(table: dict[str, object], key: str, place: str) -> bool:
    """A flag; false where the release does not know it."""
    return _typed(table.get(key, False), bool, f"{place}.{key}")


def _typed(value: object, kind: type[_T], place: str) -> _T:
    if not isinstance(value, kind):
        raise _refused(place, repr(value))
    return value


def _refused(place: str, found: str) -> EngineError:
    shown = one_line(found[:80])
    return EngineError(
        Code.ENGINE_OUTPUT,
        f"`bootc status` cannot be understood: {place} is {shown}; is bootc newer than tidegate-agent?",
        retryable=True,
    )

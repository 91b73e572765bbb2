"""What is current, previous and staged, and which images tidegate pulled: one file, replaced in one step.

A switch is written down before it is made. Whether it was made is then what the pin says, which is another
file with another moment: there is none in which the two together mean neither the old nor the new image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tidegate_agent.engines.podman.files import replace_file
from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code
from tidegate_wire.registry.digest import DigestString

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_MAX_BYTES: Final = 256 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Pointers(_Part):
    """Images by the digest that was announced, or None."""

    current: DigestString | None = None
    previous: DigestString | None = None
    staged: DigestString | None = None

    def named(self) -> set[str]:
        """The digests that are pointed to."""
        return {digest for digest in (self.current, self.previous, self.staged) if digest is not None}


class Kept(_Part):
    """An image in podman's storage.

    Attributes:
        name: `repository@digest`, as the pin spells it.
        image_id: podman's id of it; None while it is being pulled.
        ours: whether it was tidegate that brought it here, and may remove it.
    """

    name: str
    image_id: str | None = None
    ours: bool = True


class State(_Part):
    """All that is known.

    Attributes:
        pointers: where things stand, or stood before the switch that is under way.
        switch: where they will stand after it; None when none is under way.
        images: what lies in podman's storage because of tidegate, by announced digest.
    """

    version: Literal[1] = 1
    pointers: Pointers = Pointers()
    switch: Pointers | None = None
    images: dict[DigestString, Kept] = {}

    def seen_with(self, pinned: str | None) -> Pointers:
        """Where things stand, with the unit pinned to that digest. The pin decides, whoever wrote it."""
        for pointers in (self.switch, self.pointers):
            if pointers is not None and pinned == pointers.current:
                return pointers
        current = pinned if pinned in self.images else None
        previous = None if self.pointers.previous == current else self.pointers.previous
        return self.pointers.model_copy(update={"current": current, "previous": previous})

    def staging(self, digest: str | None) -> State:
        """The same with this image staged, or none."""
        staged = {"staged": digest}
        switch = None if self.switch is None else self.switch.model_copy(update=staged)
        return self.model_copy(update={"pointers": self.pointers.model_copy(update=staged), "switch": switch})

    def keeping(self, digest: str, kept: Kept) -> State:
        """The same with one image more, or with more known of it."""
        return self.model_copy(update={"images": {**self.images, digest: kept}})

    def without(self, digests: AbstractSet[str]) -> State:
        """The same without these images."""
        left = {digest: kept for digest, kept in self.images.items() if digest not in digests}
        return self.model_copy(update={"images": left})

    def unneeded(self) -> set[str]:
        """Images that nothing points to, neither before nor after a switch that is under way."""
        needed = self.pointers.named() | (self.switch.named() if self.switch else set())
        return set(self.images) - needed

    def name_of(self, digest: str | None) -> str | None:
        """How the pin spells an image that is kept."""
        kept = None if digest is None else self.images.get(digest)
        return None if kept is None else kept.name


class Ledger:
    """The file that holds the state."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> State:
        """What was last written.

        Raises:
            EngineError: DISK_IO when it is damaged.
            OSError: when it cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                content = file.read(_MAX_BYTES)
        except FileNotFoundError:
            return State()
        try:
            return State.model_validate_json(content)
        except ValidationError as error:
            raise EngineError(
                Code.DISK_IO,
                f"{self._path} is damaged; remove it, and the next update begins as on a new host",
            ) from error

    def write(self, state: State) -> State:
        """Replace it, durably. Raises OSError, and then the old one stays."""
        replace_file(self._path, state.model_dump_json(indent=2).encode() + b"\n", 0o600)
        return state

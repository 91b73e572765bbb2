"""Where an engine is put to the test: a host of its own, with images for it and with accidents.

Each engine has a `place_<name>.py` here that makes one, and a line in `places.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tidegate_agent.model import ImageTarget
    from tidegate_agent.ports import ImageEngine


class Place(Protocol):
    """A new host with an engine, and images for it. Nothing that tidegate staged runs on it yet.

    Attributes:
        engine: the engine under test.
        reboots: whether an activation takes effect with the next boot only.
        resumes: whether the bytes that an interrupted staging fetched are neither fetched nor counted again.
    """

    engine: ImageEngine
    reboots: bool
    resumes: bool

    def image(self, version: str) -> ImageTarget:
        """Make an image that can be staged, announced by its manifest's digest.

        The same version is the same image; different versions share a layer.
        """
        ...

    def index(self, version: str) -> ImageTarget:
        """Make an image that is announced by the digest of an index over its manifest."""
        ...

    def absent(self) -> ImageTarget:
        """An image that is nowhere."""
        ...

    def corrupt(self) -> ImageTarget:
        """Make an image one of whose layers answers other bytes than its descriptor promises."""
        ...

    def again(self) -> ImageEngine:
        """A second instance over the same host, as after a restart of the agent."""
        ...

    def boot(self, *, power_cut: bool = False, falls_back: bool = False) -> None:
        """The host goes down and comes up again; nothing happens where the engine does not reboot.

        Args:
            power_cut: it does not go down in order: nothing that happens at shutdown happens.
            falls_back: the image whose turn it is does not come up, and the boot loader takes the next entry.
        """
        ...

    def full_disk(self) -> AbstractContextManager[None]:
        """There is no space left where the engine stages, for the length of the block."""
        ...

    def kill_while_staging(self, target: ImageTarget) -> None:
        """SIGKILL for a whole process group that is in the middle of staging this image.

        At that moment at least one layer has been fetched, and the image does not count as staged.
        """
        ...

    def close(self) -> None:
        """End and remove whatever belongs to the place."""
        ...

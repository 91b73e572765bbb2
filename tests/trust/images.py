"""The three images of these tests, the same in every run: what runs, what comes next, what must never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support.images import image, write_layout

if TYPE_CHECKING:
    from pathlib import Path

RUNNING: Final = image({"app/shared": b"the same in all", "app/version": b"1"})
NEXT: Final = image({"app/shared": b"the same in all", "app/version": b"2"})
EVIL: Final = image({"app/shared": b"the same in all", "app/version": b"evil"})


def write_images(folder: Path) -> None:
    """An OCI layout with all three: whatever is accepted by mistake can be installed."""
    everything = {digest: blob for one in (RUNNING, NEXT, EVIL) for digest, blob in one.blobs.items()}
    write_layout(folder, {"1": RUNNING.manifest, "2": NEXT.manifest, "evil": EVIL.manifest}, everything)

"""Images that were carried here: for each channel, the layout in which they are looked for first.

Kept on disk, because staging may go on after a restart. A layout decides nothing: it is one more place that a
digest can be had from, and every byte of it is verified against that digest as a registry's is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tidegate_agent.adapters.own_place import make_own_folder
from tidegate_agent.adapters.whole_file import replace_file
from tidegate_agent.errors import ControlError
from tidegate_schemas import jsontext
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.layout import LayoutSource
from tidegate_wire.registry.reference import LayoutReference, parse_reference

if TYPE_CHECKING:
    from collections.abc import Collection

    from tidegate_agent.model import Follow

NAME: Final = "layouts.json"
_BYTES: Final = 256 * 1024


class Layouts:
    """One host's layouts.

    Args:
        folder: where they are remembered; the agent's own.
        usable: the follows whose engine can take an image from a layout.
    """

    def __init__(self, folder: Path, usable: Collection[Follow]) -> None:
        self._folder = folder
        self._usable = frozenset(usable)

    def bring(self, follow: Follow, place: Path) -> None:
        """Look for this channel's images in a layout, from now on.

        Raises:
            TidegateError: REQUEST_INVALID when it cannot be used here; REFERENCE_INVALID for its path.
            OSError: it could not be written down.
        """
        if follow not in self._usable:
            reason = f"the engine of {follow.key} takes images from registries only, and not from {place}"
            raise ControlError(Code.REQUEST_INVALID, reason)
        parse_reference(f"oci:{place}")
        try:
            place.stat()
        except OSError as error:
            reason = (
                f"the agent cannot see {place} ({error.strerror}): /home, /root, /tmp and /var/tmp are hidden"
                " from it; copy or mount it elsewhere, such as below /srv or /mnt"
            )
            raise ControlError(Code.REQUEST_INVALID, reason) from error
        make_own_folder(self._folder, "state.directory")
        known = self._read() | {follow.key: str(place)}
        replace_file(self._folder / NAME, json.dumps(known).encode())

    def references(self, follow: Follow, digest: str) -> tuple[str, ...]:
        """Where the image with this digest was carried to; nothing when it was not. Never raises."""
        place = self._read().get(follow.key)
        if place is None:
            return ()
        try:
            # Only if it is there: a layout with other images must not turn an unreachable registry, which
            # is tried again, into an image that is nowhere.
            LayoutSource(Path(place)).manifest(digest)
            reference = parse_reference(f"oci:{place}@{digest}")
        except TidegateError:
            return ()
        return (str(reference),) if isinstance(reference, LayoutReference) else ()

    def _read(self) -> dict[str, str]:
        try:
            with (self._folder / NAME).open("rb") as file:
                content = jsontext.parse(file.read(_BYTES + 1), _BYTES)
        except (OSError, TidegateError):
            # It only saves a person from saying it once more.
            return {}
        if not isinstance(content, dict):
            return {}
        return {key: place for key, place in content.items() if isinstance(place, str)}

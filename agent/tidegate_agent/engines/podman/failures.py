"""What podman's complaint means. Its exit status is 125 for nearly all of them, so the words have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_agent.engines.complaints import DISK, IMAGES, Complaints, last_complaint
from tidegate_agent.plaintext import one_line

if TYPE_CHECKING:
    from tidegate_agent.errors import EngineError
    from tidegate_schemas.codes import Code

_COMPLAINTS: Final = Complaints(*DISK, *IMAGES)
_REASON_CHARACTERS: Final = 500


def failure_of(stderr: str, what: str, default: Code) -> EngineError:
    """The error for what podman said.

    Args:
        stderr: its standard error, or the end of it.
        what: what was asked of it, as the beginning of a sentence: "podman cannot pull app@sha256:…".
        default: the code for words that are not known.
    """
    said = one_line(last_complaint(stderr))[-_REASON_CHARACTERS:] or "it said nothing"
    return _COMPLAINTS.error(stderr, f"{what}: {said}", default)

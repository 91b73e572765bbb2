"""What podman's complaint means. Its exit status is 125 for nearly all of them, so the words have to do.

The words are those of containers/image and containers/storage, as podman 4.3 to 5.4 print them; what is not
among them stays a failed staging, with the words for a person to read.
"""

from __future__ import annotations

import re
from typing import Final

from tidegate_agent.errors import EngineError
from tidegate_agent.plaintext import one_line
from tidegate_schemas.codes import Code

_REASON_CHARACTERS: Final = 500
# Names are chosen by whoever publishes the image: a repository called `unauthorized` must not decide.
_FOREIGN: Final = re.compile(r'"[^"]*"|\S*://\S+|\S+@sha256:\S+|\bin \S+/\S+:')

_WORDS: Final = (
    (Code.DISK_FULL, "no space left on device|disk quota exceeded|file too large"),
    (Code.DISK_IO, "read-only file system|input/output error|structure needs cleaning"),
    (Code.IMAGE_SIGNATURE, "source image rejected"),
    (
        Code.IMAGE_DIGEST_MISMATCH,
        "digest did not match|does not match (?:provided|expected|the) .*digest|mismatched? digest",
    ),
    (
        Code.IMAGE_PLATFORM,
        "no image found in (?:image index|manifest list) for architecture|no matching platform",
    ),
    (
        Code.IMAGE_UNAUTHORIZED,
        (
            r"unauthorized|authentication required|invalid username/password|access .*denied|"
            r"denied:|status(?: code)?:? (?:401|403)\b|forbidden"
        ),
    ),
    (
        Code.IMAGE_NOT_FOUND,
        (
            r"manifest unknown|name unknown|blob unknown|repository .*not found|status(?: code)?:? 404\b|"
            r"not found: manifest"
        ),
    ),
    (
        Code.IMAGE_UNREACHABLE,
        (
            r"connection refused|connection reset|no such host|i/o timeout|timeout|deadline exceeded|"
            r"temporary failure|unexpected eof|network is unreachable|no route to host|dial tcp|x509:|"
            r"tls:|gave http response|toomanyrequests|status(?: code)?:? (?:429|5\d\d)\b|: eof\b"
        ),
    ),
)
_KINDS: Final = tuple((code, re.compile(words, re.IGNORECASE)) for code, words in _WORDS)
_PASSING: Final = frozenset({Code.DISK_FULL, Code.DISK_IO, Code.IMAGE_UNREACHABLE, Code.STAGE_FAILED})


def code_of(stderr: str, default: Code) -> Code:
    """The code for the last complaint in what podman said.

    Args:
        stderr: its standard error, or the end of it.
        default: for words that are not known.
    """
    words = _FOREIGN.sub(" ", _complaint(stderr))
    return next((code for code, pattern in _KINDS if pattern.search(words)), default)


def failure_of(stderr: str, what: str, default: Code) -> EngineError:
    """The error for what podman said.

    Args:
        stderr: its standard error, or the end of it.
        what: what was asked of it, as the beginning of a sentence: "podman cannot pull app@sha256:…".
        default: the code for words that are not known.
    """
    code = code_of(stderr, default)
    said = one_line(_complaint(stderr))[-_REASON_CHARACTERS:] or "it said nothing"
    return EngineError(code, f"{what}: {said}", retryable=code in _PASSING)


def _complaint(stderr: str) -> str:
    """From the last line that begins with `Error:` on; all of it when there is none."""
    begin = max(stderr.rfind("\nError: ") + 1, 0)
    return stderr[begin:].strip()

"""What the complaints of command-line tools mean: their exit status is the same for nearly all. PURE.

The words are those of strerror(3), of libostree and its container library, and of containers/image, by which
podman, bootc and rpm-ostree fetch. An engine puts the rows it needs into the order of looking: what is
wrong with this host comes before what is wrong with the image, and that before what is wrong with the way.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = tuple[Code, str]
"""A code, and a regular expression for the words that mean it, in any case."""

DISK: Final[tuple[Row, ...]] = (
    (Code.DISK_FULL, "no space left|quota exceeded|file too large|insufficient free space|min-free-space"),
    (Code.DISK_IO, "read-only file system|input/output error|structure needs cleaning"),
)

IMAGES: Final[tuple[Row, ...]] = (
    (Code.IMAGE_UNSIGNED, "signature was required, but no signature exists"),
    (Code.IMAGE_SIGNATURE, "source image rejected|signature verification failed|invalid signature"),
    (Code.IMAGE_DIGEST_MISMATCH, "digest did not match|digest mismatch|mismatched digest|corrupted object"),
    (Code.IMAGE_DIGEST_MISMATCH, r"does not match (\w+ ){0,3}digest|checksum (mismatch|validation failed)"),
    (Code.IMAGE_NOT_BOOTABLE, "does not have ostree.bootable|not an ostree (encapsulated )?container"),
    (Code.IMAGE_NOT_BOOTABLE, "failed to find kernel|no kernel found|missing kernel"),
    (Code.IMAGE_PLATFORM, "no image found in (image index|manifest list)|no matching platform"),
    (Code.IMAGE_NOT_FOUND, r"(manifest|name|blob) unknown|repository (\S+ )?not found|not found: manifest"),
    (Code.IMAGE_NOT_FOUND, r"repository name not known|status( ?code)?:? 404\b|\b404 \("),
    (Code.IMAGE_UNAUTHORIZED, "unauthorized|authentication required|invalid username/password|forbidden"),
    (Code.IMAGE_UNAUTHORIZED, r"resource is not authorized|access (\w+ ){0,6}denied|(?<!permission )denied:"),
    (Code.IMAGE_UNAUTHORIZED, r"status( ?code)?:? 40[13]\b|\b40[13] \("),
    (Code.IMAGE_UNREACHABLE, r"connection (refused|reset)|unreachable|no route to host|dial tcp"),
    (Code.IMAGE_UNREACHABLE, r"no such host|name resolution|temporary failure|pinging container registry"),
    (Code.IMAGE_UNREACHABLE, r"timed? ?out|deadline exceeded|unexpected eof|: eof\b"),
    (Code.IMAGE_UNREACHABLE, r"x509|tls: |gave http response|toomanyrequests"),
    (Code.IMAGE_UNREACHABLE, r"status( ?code)?:? (429|5\d\d)\b|\b50[0234] \("),
    (Code.IMAGE_UNSUPPORTED, "unsupported (media|manifest|schema)|unknown transport"),
)

_FINAL: Final = frozenset(
    {
        Code.IMAGE_DIGEST_MISMATCH,
        Code.IMAGE_NOT_BOOTABLE,
        Code.IMAGE_NOT_FOUND,
        Code.IMAGE_PLATFORM,
        Code.IMAGE_SIGNATURE,
        Code.IMAGE_UNAUTHORIZED,
        Code.IMAGE_UNSUPPORTED,
    }
)
"""What the same call will find again."""

ELSEWHERE: Final = frozenset(
    {
        Code.IMAGE_DIGEST_MISMATCH,
        Code.IMAGE_NOT_FOUND,
        Code.IMAGE_UNAUTHORIZED,
        Code.IMAGE_UNREACHABLE,
    }
)
"""What another of the image's places may do better."""

_BEGIN: Final = re.compile(r"^error: ", re.IGNORECASE | re.MULTILINE)
_QUOTED: Final = re.compile(r'"[^"\n]*"')


class Complaints:
    """What a tool may say.

    Args:
        rows: the first one that fits counts.
    """

    def __init__(self, *rows: Row) -> None:
        self._rows = tuple((code, re.compile(words, re.IGNORECASE)) for code, words in rows)

    def code(self, said: str, otherwise: Code) -> Code:
        """The code for what was said on stderr; `otherwise` where no row fits."""
        words = _without_names(last_complaint(said))
        return next((code for code, pattern in self._rows if pattern.search(words)), otherwise)

    def error(self, said: str, sentence: str, otherwise: Code) -> EngineError:
        """The error for a run that failed.

        Args:
            said: its stderr, or the end of it.
            sentence: what is told of it.
            otherwise: the code where no row fits.
        """
        code = self.code(said, otherwise)
        return EngineError(code, sentence, retryable=code not in _FINAL)


def last_complaint(said: str) -> str:
    """From the last line that begins with `error: ` on; all where there is none. Warnings decide nothing."""
    begin = max((match.start() for match in _BEGIN.finditer(said)), default=0)
    return said[begin:].strip()


def _without_names(said: str) -> str:
    """Without what whoever publishes the image has chosen: a repository `unauthorized` must not decide."""
    return " ".join(_plain(_QUOTED.sub(" ", said).split()))


def _plain(words: list[str]) -> Iterator[str]:
    return (word for before, word in pairwise(["", *words]) if not _is_name(before, word))


def _is_name(before: str, word: str) -> bool:
    """Whether a word is a reference, an address, a host or a path, rather than the tool's own."""
    host, slash, _ = word.partition("/")
    if "@sha256:" in word or "://" in word:
        return True
    if slash:
        return before == "in" or host in ("", "localhost") or "." in host or ":" in host
    return before in ("lookup", "registry") and "." in word

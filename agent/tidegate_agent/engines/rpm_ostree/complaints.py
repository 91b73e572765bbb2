"""What an error message of rpm-ostree means.

Its exit status is 1 for every failure, so only the text tells. The texts are rpm-ostree's, libostree's, those
of ostree's container library and, behind that, of skopeo. The first row that fits counts: what is wrong with
this host comes before what is wrong with the image, and that before what is wrong with the way to it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tidegate_schemas.codes import Code


class Meaning(NamedTuple):
    """A code, and whether the same call may succeed later without a new release."""

    code: Code
    retryable: bool


# Names are chosen by whoever publishes the image: a repository called `unauthorized` must not decide.
_FOREIGN: Final = re.compile(r"\S*(?:@sha256:|://)\S*|\bin [^\s/]+/\S+")
_PASSING: Final = frozenset(
    {
        Code.DISK_FULL,
        Code.DISK_IO,
        Code.ENGINE_BUSY,
        Code.ENGINE_CONFLICT,
        Code.ENGINE_TIMEOUT,
        Code.IMAGE_UNREACHABLE,
        Code.IMAGE_UNSIGNED,
    }
)
_TABLE: Final = (
    (Code.ENGINE_BUSY, ("transaction in progress", "reboot initiated")),
    (Code.ENGINE_CONFLICT, ("updates and deployments are driven by",)),
    (
        Code.ENGINE_TIMEOUT,
        (
            "failed to activate service",
            "could not activate remote peer",
            "namehasnoowner",
            "startservicebyname",
            "timeout was reached",
            "bus owner changed",
            "noreply",
        ),
    ),
    (
        Code.DISK_FULL,
        ("no space left", "min-free-space", "insufficient free space", "disk quota exceeded"),
    ),
    (Code.DISK_IO, ("input/output error", "read-only file system")),
    (Code.IMAGE_DIGEST_MISMATCH, ("digest did not match", "digest mismatch", "corrupted object")),
    (
        Code.IMAGE_NOT_BOOTABLE,
        ("does not have ostree.bootable", "not an ostree encapsulated container", "not an ostree container"),
    ),
    (Code.IMAGE_UNSIGNED, ("a signature was required, but no signature exists",)),
    (
        Code.IMAGE_SIGNATURE,
        (
            "signature verification failed",
            "invalid signature",
            "source image rejected",
            "insecureacceptanything",
        ),
    ),
    (Code.IMAGE_NOT_FOUND, ("manifest unknown", "name unknown", "blob unknown")),
    (
        Code.IMAGE_UNAUTHORIZED,
        ("unauthorized", "authentication required", "resource is not authorized", "resource is denied"),
    ),
    (Code.IMAGE_PLATFORM, ("no image found in image index", "no image found in manifest list")),
    (
        Code.IMAGE_UNREACHABLE,
        (
            "no such host",
            "connection refused",
            "connection reset",
            "i/o timeout",
            "deadline exceeded",
            "network is unreachable",
            "no route to host",
            "tls: ",
            "x509: ",
            "unexpected eof",
            "pinging container registry",
        ),
    ),
)


def meaning_of(message: str, otherwise: Code) -> Meaning:
    """The first meaning that the table has for a message; `otherwise`, which may pass, when it has none."""
    said = _FOREIGN.sub(" ", message).lower()
    for code, phrases in _TABLE:
        if any(phrase in said for phrase in phrases):
            return Meaning(code, code in _PASSING)
    return Meaning(otherwise, retryable=True)

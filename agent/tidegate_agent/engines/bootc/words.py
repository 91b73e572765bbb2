"""What bootc's words mean. It says `error: …` and exits with 1, whatever was wrong; only its words tell.

They are its own, those of containers/image, which fetches for it, and libostree's. What none of the patterns
knows keeps the code of what was being done. The table is in the order of looking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tidegate_agent.errors import EngineError
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tidegate_agent.engines.tool import Output

_MEANINGS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"no space left on device|insufficient free space|min-free-space|quota exceeded", Code.DISK_FULL),
        (r"read-only file system|input/output error|structure needs cleaning", Code.DISK_IO),
        (r"local rpm-ostree modifications", Code.ENGINE_CONFLICT),
        (r"resource temporarily unavailable|sysroot is locked", Code.ENGINE_BUSY),
        (r"signature was required, but no signature exists", Code.IMAGE_UNSIGNED),
        (r"source image rejected", Code.IMAGE_SIGNATURE),
        (
            r"digest did not match|digest mismatch|does not match (the )?(provided )?(manifest )?digest",
            Code.IMAGE_DIGEST_MISMATCH,
        ),
        (r"checksum (mismatch|validation failed)", Code.IMAGE_DIGEST_MISMATCH),
        (r"no image found in (manifest list|image index) for architecture", Code.IMAGE_PLATFORM),
        (r"failed to find kernel|no kernel found|missing kernel", Code.IMAGE_NOT_BOOTABLE),
        (r"(manifest|name|blob) unknown|repository name not known", Code.IMAGE_NOT_FOUND),
        (r"status(code)?:? 404|\b404 \(not found\)", Code.IMAGE_NOT_FOUND),
        (
            r"unauthorized|authentication required|access to the (requested )?resource is denied",
            Code.IMAGE_UNAUTHORIZED,
        ),
        (r"\b40[13] \(|status(code)?:? 40[13]", Code.IMAGE_UNAUTHORIZED),
        (
            r"connection (refused|reset)|no such host|name resolution|unreachable|unexpected eof",
            Code.IMAGE_UNREACHABLE,
        ),
        (
            r"timed? ?out|deadline exceeded|x509|tls: |pinging container registry|toomanyrequests",
            Code.IMAGE_UNREACHABLE,
        ),
        (r"status(code)?:? (429|5\d\d)|\b50[0234] \(", Code.IMAGE_UNREACHABLE),
        (r"unsupported (media|manifest|schema)|unknown transport", Code.IMAGE_UNSUPPORTED),
    )
)

_FINAL: Final = frozenset(
    {
        Code.IMAGE_DIGEST_MISMATCH,
        Code.IMAGE_NOT_BOOTABLE,
        Code.IMAGE_NOT_FOUND,
        Code.IMAGE_PLATFORM,
        Code.IMAGE_SIGNATURE,
        Code.IMAGE_UNSUPPORTED,
    }
)
"""What the same call will find again."""


def meaning(said: str, otherwise: Code) -> Code:
    """The code for what was said on stderr; `otherwise` where nothing is recognized."""
    return next((code for pattern, code in _MEANINGS if pattern.search(said)), otherwise)


def failure(output: Output, sentence: str, otherwise: Code) -> EngineError:
    """The error for a run that failed.

    Args:
        output: how it ended.
        sentence: what is told of it, see `Tool.failure`.
        otherwise: the code where its words are not recognized.
    """
    code = meaning(output.stderr, otherwise)
    return EngineError(code, sentence, retryable=code not in _FINAL)

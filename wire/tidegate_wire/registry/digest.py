"""Digests: `sha256:` and 64 lower-case hexadecimal digits, and nothing else.

Source: OCI image specification 1.1, descriptor.md, "Digests". The other registered algorithms are refused:
a fleet that signs sha256 gains nothing from them, and one algorithm means one comparison.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Annotated

from pydantic import StringConstraints

from tidegate_schemas.codes import Code, TidegateError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

DigestString = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$", max_length=71)]


def check_digest(text: str) -> str:
    """Return `text` when it is a sha256 digest.

    Raises:
        TidegateError: REFERENCE_INVALID, when it is anything else.
    """
    if _DIGEST.fullmatch(text) is None:
        raise TidegateError(
            Code.REFERENCE_INVALID,
            f"'{text[:80]}' is not a digest; a digest is sha256: and 64 lower-case hexadecimal digits",
        )
    return text


def digest_of(content: bytes) -> str:
    """The digest of some bytes, in the form `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def hex_of(digest: str) -> str:
    """The hexadecimal part of a digest, safe to use as a file's name because the digest is checked first."""
    return check_digest(digest).removeprefix("sha256:")


def require_digest(content: bytes, digest: str, what: str) -> None:
    """Refuse content that is not what its digest says.

    Args:
        content: the bytes as they came.
        digest: what was signed, or named by something that was.
        what: names the content for a person, for example "the manifest of registry/app".

    Raises:
        TidegateError: IMAGE_DIGEST_MISMATCH.
    """
    found = digest_of(content)
    if not hmac.compare_digest(found, check_digest(digest)):
        raise TidegateError(
            Code.IMAGE_DIGEST_MISMATCH, f"{what} should be {digest}, but what came is {found}"
        )

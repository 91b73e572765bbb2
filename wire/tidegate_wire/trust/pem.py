"""Whether a file holds a public key that could be used, told without cryptography: a daemon stays small.

That the point lies on the curve is checked where the key is used (`keys`).
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from tidegate_schemas.codes import Code, TidegateError

_BLOCK: Final = re.compile(
    r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----", re.ASCII
)
# RFC 5480, section 2: the SubjectPublicKeyInfo of every uncompressed point on P-256 begins like this.
_P256: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_BYTES: Final = 91


def require_p256(pem: str, name: str) -> None:
    """Require one public key, PEM (RFC 7468), EC P-256, uncompressed. `name` is for the sentence.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE.
    """
    blocks = _BLOCK.findall(pem)
    if len(blocks) != 1:
        raise _unusable(name, f"it has {len(blocks)} blocks BEGIN PUBLIC KEY, where exactly one is expected")
    try:
        key = base64.b64decode("".join(blocks[0].split()), validate=True)
    except binascii.Error as error:
        raise _unusable(name, "what it holds is not base64") from error
    if not key.startswith(_P256) or len(key) != _BYTES:
        raise _unusable(name, "it is not an EC P-256 key")


def _unusable(name: str, why: str) -> TidegateError:
    return TidegateError(Code.TRUST_KEY_UNUSABLE, f"the key {name} cannot be used: {why}")

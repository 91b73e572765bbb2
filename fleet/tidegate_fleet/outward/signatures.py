"""Standard Webhooks: an HMAC over the id, the moment and the body of a request.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md,
"Signature scheme". A secret is `whsec_` and 24 to 64 bytes in base64; of several, the receiver needs
one, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

PREFIX: Final = "whsec_"
_BYTES: Final = range(24, 65)
_MOST: Final = 4
_FILE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Secrets:
    """What requests are signed with, each by each."""

    keys: tuple[bytes, ...]

    def headers(self, message: str, moment: int, body: bytes) -> dict[str, str]:
        """The headers of a signed request.

        Args:
            message: its id: the same whenever the same is sent again.
            moment: when it is sent, in seconds since 1970.
            body: as it is sent.
        """
        signed = f"{message}.{moment}.".encode() + body
        signatures = [
            base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in self.keys
        ]
        return {
            "webhook-id": message,
            "webhook-timestamp": str(moment),
            "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
        }


def read_secrets(path: Path) -> Secrets:
    """The secrets of a file, one a line.

    Raises:
        TidegateError: CONFIG_VALUE: it cannot be read, others may read it, or it holds something else.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
            raise _fault(path, "can be used by everybody: chmod o-rwx")
        with path.open("rb") as file:
            lines = file.read(_FILE_BYTES).decode("ascii").split()
    except (OSError, UnicodeError) as error:
        raise _fault(path, f"cannot be read: {error}") from error
    keys = tuple(_key(path, line) for line in lines)
    if not 0 < len(keys) <= _MOST:
        raise _fault(path, f"holds {len(keys)} secrets; expected 1 to {_MOST}, one a line")
    return Secrets(keys)


def _key(path: Path, line: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not line.startswith(PREFIX) or len(key) not in _BYTES:
        # Without the line itself: it may be a secret with a slip of the pen.
        text = f"holds a line that is not {PREFIX} and 24 to 64 bytes in base64"
        raise _fault(path, f"{text}; make one with: echo {PREFIX}$(openssl rand -base64 32)")
    return key


def _fault(path: Path, what: str) -> TidegateError:
    return TidegateError(Code.CONFIG_VALUE, f"the webhook's secret file {path} {what}")

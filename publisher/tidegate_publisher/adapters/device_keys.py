"""The device keys of a fleet: a folder with one file for each host.

`<host>.pem` (or `<host>.pub`) holds the host's public keys, PEM blocks one after the other: one key, and
while it is rotated the new one beside it. All is read at the start: a bad file shows before it matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.envelope import EventSignatureError
from tidegate_schemas.topics import check_host
from tidegate_wire.trust.device import DeviceKey, read_keys, verify_event

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIXES: Final = frozenset({".pem", ".pub"})
_FILE_BYTES: Final = 64 * 1024


class DeviceKeyFolder:
    """Implements `host_messages.EventCheck`.

    Args:
        folder: the folder.

    Raises:
        TidegateError: CONFIG_MISSING when it cannot be read or holds no key at all, HOST_ID for a file whose
            name is no host, TRUST_KEY_UNUSABLE for what is in one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, tuple[DeviceKey, ...]] = {}
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES)
        except OSError as error:
            reason = f"{folder}, where device keys should be, cannot be read: {error.strerror}"
            raise TidegateError(Code.CONFIG_MISSING, reason) from error
        for path in files:
            host = check_host(path.stem)
            self._keys[host] = (*self._keys.get(host, ()), *read_keys(_text(path), str(path)))
        if not self._keys:
            reason = f"{folder} holds no device key; expected a file HOST.pem for each host"
            raise TidegateError(Code.CONFIG_MISSING, reason)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that have a key."""
        return frozenset(self._keys)

    def verify(self, host: str, raw: bytes) -> tuple[bytes, str]:
        """See EventCheck.verify."""
        keys = self._keys.get(host)
        if keys is None:
            raise EventSignatureError(f"no key of this host is in {self._folder}")
        signed = verify_event(raw, keys)
        return signed.payload, signed.key_id


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_FILE_BYTES + 1)
    except OSError as error:
        raise TidegateError(Code.TRUST_KEY_UNUSABLE, f"{path} cannot be read: {error.strerror}") from error
    if len(content) > _FILE_BYTES:
        raise TidegateError(Code.TRUST_KEY_UNUSABLE, f"{path} has more than {_FILE_BYTES} bytes")
    return content.decode("ascii", errors="replace")

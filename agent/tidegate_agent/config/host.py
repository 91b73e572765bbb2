"""What is derived from the host itself where the configuration does not say: its name and its time zone."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from tidegate_agent.config.scalars import named_zone
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code

APPLICATION_ID: Final = bytes.fromhex("d00e4ca35ba64a39a88868e264a1cf04")
"""Tells tidegate's ids from those that other programs derive. Changing it renames every host."""

MACHINE_ID: Final = Path("/etc/machine-id")
LOCALTIME: Final = Path("/etc/localtime")


def derived_host_id(machine_id: Path = MACHINE_ID) -> str:
    """A stable name for this host that does not give its machine-id away (machine-id(5)).

    Computed as sd_id128_get_machine_app_specific(3) does: HMAC-SHA256 of the application's id, keyed by the
    machine's, cut to 128 bits and marked as a UUID of version 4. `systemd-id128` prints the same.

    Raises:
        ConfigError: HOST_ID when this machine has no id yet.
    """
    try:
        text = machine_id.read_bytes()[:64].decode("ascii", errors="replace").strip()
    except OSError as error:
        raise _without_id(machine_id, f"cannot be read: {error.strerror}") from error
    if re.fullmatch("[0-9a-f]{32}", text) is None or set(text) == {"0"}:
        raise _without_id(machine_id, "holds no machine id")
    digest = bytearray(hmac.digest(bytes.fromhex(text), APPLICATION_ID, hashlib.sha256)[:16])
    digest[6] = digest[6] & 0x0F | 0x40  # RFC 9562, section 4.2: version 4
    digest[8] = digest[8] & 0x3F | 0x80  # section 4.1: the variant
    return digest.hex()


def host_zone(localtime: Path = LOCALTIME) -> ZoneInfo:
    """The host's time zone: what /etc/localtime links to (localtime(5)), or UTC."""
    _, found, name = os.path.realpath(localtime).partition("/zoneinfo/")
    return (named_zone(name) if found else None) or ZoneInfo("UTC")


def _without_id(file: Path, why: str) -> ConfigError:
    return ConfigError(Code.HOST_ID, f"{file} {why}; set host.id, or run systemd-machine-id-setup.")

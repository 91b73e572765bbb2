"""The `device-key` command: which key signs this host's events, and making one.

The key itself is handled by the signing child alone; here a new one passes through on its way to its file.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
import textwrap
from typing import TYPE_CHECKING

from tidegate_agent.adapters.signer_child import ChildSigner, KeyFile, KeyInToken
from tidegate_agent.errors import ConfigError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_agent.config import Settings
    from tidegate_agent.model import Signatures


def signer_of(settings: Settings) -> ChildSigner | None:
    """What signs this host's events; None where nothing does.

    Raises:
        ConfigError: CONFIG_MISSING: a token is configured, and the library for it is not installed.
    """
    events = settings.events
    if events.device_key is not None:
        return ChildSigner(KeyFile(events.device_key))
    if events.pkcs11 is None:
        return None
    if importlib.util.find_spec("pkcs11") is None:
        reason = "events.pkcs11 needs a library that is not installed: pip install 'tidegate[pkcs11]'"
        raise ConfigError(Code.CONFIG_MISSING, reason)
    token = events.pkcs11
    return ChildSigner(KeyInToken(token.module, token.token, token.label, token.pin_file))


def describe(settings: Settings) -> list[str]:
    """The public key and its id, as lines that are a PEM file with a comment (RFC 7468, section 2).

    Raises:
        TidegateError: CONFIG_MISSING: none is configured. EVENT_SIGNING: it cannot be used.
    """
    return _lines(_configured(settings).sign(()))


def create(settings: Settings) -> list[str]:
    """Make the key that the configuration names, and describe it. Never replaces one.

    Raises:
        TidegateError: CONFIG_MISSING or EVENT_SIGNING, as above; EVENT_SIGNING when there is a key already.
    """
    signer = _configured(settings)
    path = settings.events.device_key
    if path is None:
        return _lines(signer.create_in_token())
    _require_agents_user(settings.state.directory)
    _write(path, signer.generate())
    return _lines(signer.sign(()))


def _configured(settings: Settings) -> ChildSigner:
    signer = signer_of(settings)
    if signer is None:
        reason = "no device key is configured: set events.device_key, or events.pkcs11 for a token"
        raise ConfigError(Code.CONFIG_MISSING, reason)
    return signer


def _require_agents_user(state: Path) -> None:
    # A key that root makes for an agent that is not root could not be read by it.
    with contextlib.suppress(FileNotFoundError):
        owner = state.stat().st_uid
        if owner != os.geteuid():
            reason = f"{state} belongs to user {owner}: run this command as the agent's user"
            raise TidegateError(Code.EVENT_SIGNING, reason)


def _write(path: Path, content: bytes) -> None:
    """Write a secret where nothing is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        reason = f"{path} is there already: a key is never replaced; move it away to make another"
        raise TidegateError(Code.EVENT_SIGNING, reason) from error
    except OSError as error:
        raise TidegateError(Code.EVENT_SIGNING, f"{path} cannot be made: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise TidegateError(Code.EVENT_SIGNING, f"{path} cannot be written: {error.strerror}") from error


def _lines(made: Signatures) -> list[str]:
    body = textwrap.wrap(base64.b64encode(made.public_key).decode(), 64)
    block = ["-----BEGIN PUBLIC KEY-----", *body, "-----END PUBLIC KEY-----"]
    return [f"# device key {made.key_id}", *block]

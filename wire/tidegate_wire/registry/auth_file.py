"""Credentials out of auth.json and Docker's config.json.

Source: containers-auth.json(5). Credential helpers are programs; tidegate runs none, and says so when
one is named for the registry that refuses us.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MAX_BYTES = 1024 * 1024
_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True)
class Credential:
    """What to show a registry: user name and password, or an identity token (OAuth 2 refresh token)."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")

    def __repr__(self) -> str:
        """Without the secrets: a representation ends up in logs."""
        return f"Credential(username={self.username!r}, …)"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class AuthFile(BaseModel):
    """One credentials file."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")
    auths: dict[str, _Entry] = {}
    cred_helpers: Annotated[dict[str, str], Field(alias="credHelpers")] = {}
    creds_store: Annotated[str, Field(alias="credsStore")] = ""

    def find(self, host: str, repository: str) -> Credential | None:
        """The credential with the longest key that covers the repository.

        Raises:
            TidegateError: CONFIG_VALUE, when that entry cannot be decoded.
        """
        keys = {_normal(key): entry for key, entry in self.auths.items()}
        for key in _keys(host, repository):
            if key in keys and (found := _decode(keys[key], key)) is not None:
                return found
        return None

    def helper(self, host: str) -> str:
        """Name of the credential helper that this file wants for a host; empty when there is none."""
        return self.cred_helpers.get(host, "") or self.creds_store


def load_auth_file(path: Path) -> AuthFile | None:
    """Read a credentials file; None when it does not exist.

    Raises:
        TidegateError: CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_MISSING (there, but not readable).
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"cannot read {path}: {error.strerror}") from error
    return parse_auth_file(raw, str(path))


def parse_auth_file(raw: bytes, where: str) -> AuthFile:
    """Read the content of a credentials file.

    Raises:
        TidegateError: CONFIG_SYNTAX when it is not JSON, CONFIG_VALUE when it has another form.
    """
    try:
        document = json.loads(raw.decode("utf-8")) if raw.strip() else {}
    except (ValueError, RecursionError) as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{where} is not valid JSON") from error
    try:
        return AuthFile.model_validate(document)
    except ValidationError as error:
        # Not chained into the message: pydantic would print the secret that it did not like.
        key = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise TidegateError(
            Code.CONFIG_VALUE, f"{where}: '{key}' is not what containers-auth.json(5) says"
        ) from None


class Credentials:
    """Several credentials files, the first that knows the repository decides.

    Args:
        paths: the files in order of precedence. They are read when asked, so a new login needs no restart.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)

    def find(self, host: str, repository: str) -> Credential | None:
        """The credential for a repository, or None for anonymous access.

        Raises:
            TidegateError: CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_MISSING.
        """
        for _, file in self._files():
            if (found := file.find(host, repository)) is not None:
                return found
        return None

    def explain(self, host: str) -> str:
        """One sentence on where credentials were looked for, for the error of a registry that refused."""
        for path, file in self._files():
            if name := file.helper(host):
                return (
                    f"{path} names the credential helper '{name}', which tidegate does not run: add an entry"
                )
        return f"no other credentials in {', '.join(map(str, self._paths)) or 'any configured file'}"

    def _files(self) -> Iterator[tuple[Path, AuthFile]]:
        for path in self._paths:
            if (file := load_auth_file(path)) is not None:
                yield path, file


def _keys(host: str, repository: str) -> Iterator[str]:
    parts = repository.split("/")
    for name in _DOCKER_HUB if host in _DOCKER_HUB else (host,):
        for length in range(len(parts), 0, -1):
            yield f"{name}/{'/'.join(parts[:length])}"
        yield name


def _normal(key: str) -> str:
    """Docker wrote URLs as keys once (`https://index.docker.io/v1/`): only their host counts."""
    for scheme in ("https://", "http://"):
        if key.startswith(scheme):
            return key.removeprefix(scheme).partition("/")[0]
    return key


def _decode(entry: _Entry, key: str) -> Credential | None:
    if entry.identitytoken:
        return Credential(identity_token=entry.identitytoken)
    if not entry.auth:
        return Credential(entry.username, entry.password) if entry.username else None
    try:
        username, colon, password = base64.b64decode(entry.auth, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        colon = username = password = ""
    if not colon or not username:
        raise TidegateError(Code.CONFIG_VALUE, f"the credentials for '{key}' are not base64 of user:password")
    return Credential(username, password.rstrip("\0"))

"""Reading registries.conf and its drop-ins.

Sources: containers-registries.conf(5), containers-registries.conf.d(5).
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.endpoints import RegistriesConf, RegistriesFile, Registry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MAX_BYTES = 1024 * 1024


def load_registries_conf(main: Path | None, folders: Iterable[Path]) -> RegistriesConf:
    """Read the main file, then each folder's drop-ins in alphabetical order; missing ones are passed over.

    Raises:
        TidegateError: CONFIG_SYNTAX, CONFIG_VALUE, CONFIG_MISSING (there, but not readable).
    """
    files = [main] if main is not None else []
    for folder in folders:
        files.extend(sorted(folder.glob("*.conf")))
    tables: list[Registry] = []
    for file in files:
        try:
            with file.open("rb") as stream:
                raw = stream.read(_MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise TidegateError(Code.CONFIG_MISSING, f"cannot read {file}: {error.strerror}") from error
        tables.extend(parse_registries_conf(raw, str(file)))
    return RegistriesConf(tables)


def parse_registries_conf(raw: bytes, where: str) -> list[Registry]:
    """The `[[registry]]` tables of one file.

    Args:
        raw: the file's content.
        where: its path, for the message.

    Raises:
        TidegateError: CONFIG_SYNTAX when it is not TOML, CONFIG_VALUE when a value does not fit.
    """
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise TidegateError(Code.CONFIG_SYNTAX, f"{where} is not valid TOML: {error}") from error
    if "registries" in document:
        raise TidegateError(
            Code.CONFIG_VALUE, f"{where} is in version 1 of its format; write [[registry]] tables"
        )
    try:
        tables = RegistriesFile.model_validate(document).registry
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TidegateError(Code.CONFIG_VALUE, f"{where}: {key}: {first['msg']}") from error
    for table in tables:
        _check(table, where)
    return tables


def _check(table: Registry, where: str) -> None:
    if not table.scope:
        raise TidegateError(Code.CONFIG_VALUE, f"{where}: a [[registry]] has neither prefix nor location")
    wildcard = table.scope.startswith("*.")
    if "*" in table.scope[2 if wildcard else 0 :] or (wildcard and "/" in table.scope):
        raise TidegateError(
            Code.CONFIG_VALUE,
            f"{where}: the prefix '{table.scope}' may have a wildcard only as in *.example.com",
        )
    if not wildcard and not table.location:
        raise TidegateError(Code.CONFIG_VALUE, f"{where}: the registry '{table.scope}' needs a location")
    if table.digest_only and any(mirror.pull for mirror in table.mirrors):
        raise TidegateError(
            Code.CONFIG_VALUE,
            f"{where}: '{table.scope}' sets mirror-by-digest-only: its mirrors cannot set pull-from-mirror",
        )

"""Which servers stand for a repository, in which order, and which are forbidden: registries.conf, version 2.

Source: containers-registries.conf(5) and containers-registries.conf.d(5). Short names, their aliases and
credential helpers are not used here: references name their registry, and tidegate runs no helpers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_wire.registry.reference import Reference


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Mirror(_Table):
    """One `[[registry.mirror]]`."""

    location: Annotated[str, Field(min_length=1)]
    insecure: bool = False
    pull: Annotated[Literal["all", "digest-only", "tag-only", ""], Field(alias="pull-from-mirror")] = ""


class Registry(_Table):
    """One `[[registry]]`."""

    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    digest_only: Annotated[bool, Field(alias="mirror-by-digest-only")] = False
    mirrors: Annotated[list[Mirror], Field(alias="mirror", max_length=100)] = []

    @property
    def scope(self) -> str:
        """The prefix, which defaults to the location."""
        return self.prefix or self.location


class RegistriesFile(_Table):
    """One file."""

    registry: Annotated[list[Registry], Field(max_length=10_000)] = []


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server to ask for one repository.

    Attributes:
        host: host with optional port.
        repository: the repository's path on that server.
        insecure: whether plain HTTP and unknown certificates are allowed.
    """

    host: str
    repository: str
    insecure: bool = False

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


class RegistriesConf:
    """All `[[registry]]` tables in force.

    Args:
        registries: the tables; of two with the same prefix the later one wins.
    """

    def __init__(self, registries: Iterable[Registry] = ()) -> None:
        self._by_scope = {registry.scope: registry for registry in registries}

    def endpoints(self, reference: Reference, *, by_digest: bool) -> tuple[Endpoint, ...]:
        """The servers to try for a reference: mirrors first, the primary location last.

        Args:
            reference: the image, under its logical name.
            by_digest: whether it is pulled by digest; mirrors may be limited to that, or to tags.

        Raises:
            TidegateError: IMAGE_UNAUTHORIZED, when the configuration blocks it.
        """
        table = self._choose(reference)
        if table is None:
            return (Endpoint(reference.host, reference.repository),)
        if table.blocked:
            raise TidegateError(
                Code.IMAGE_UNAUTHORIZED,
                f"this host's registries.conf blocks {table.scope}, and so {reference}",
            )
        mirrors = [
            _rewrite(reference, table, mirror.location, insecure=mirror.insecure)
            for mirror in table.mirrors
            if _serves(mirror, table, by_digest=by_digest)
        ]
        return (*mirrors, _rewrite(reference, table, table.location, insecure=table.insecure))

    def _choose(self, reference: Reference) -> Registry | None:
        matching = [table for table in self._by_scope.values() if _matches(table.scope, reference)]
        return max(matching, key=lambda table: len(table.scope), default=None)


def _matches(scope: str, reference: Reference) -> bool:
    if scope.startswith("*."):
        return reference.host.partition(":")[0].endswith(scope[1:]) or reference.host.endswith(scope[1:])
    full = str(reference)
    return full == scope or (full.startswith(scope) and full[len(scope)] in "/:@")


def _serves(mirror: Mirror, table: Registry, *, by_digest: bool) -> bool:
    if table.digest_only or mirror.pull == "digest-only":
        return by_digest
    return mirror.pull != "tag-only" or not by_digest


def _rewrite(reference: Reference, table: Registry, location: str, *, insecure: bool) -> Endpoint:
    """Put `location` in the place of the prefix (or of the host, where the prefix is a wildcard)."""
    name = reference.name
    if location:
        replaced = reference.host if table.scope.startswith("*.") else table.scope.partition("@")[0]
        name = location.rstrip("/") + name[len(replaced) :]
    host, _, repository = name.partition("/")
    return Endpoint(host.lower(), repository, insecure)

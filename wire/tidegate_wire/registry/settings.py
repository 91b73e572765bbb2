"""Where an image source looks for its configuration, and how long it is patient. No file is read here."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - dataclasses may be asked for their hints at run time
from dataclasses import dataclass, field
from pathlib import Path

from tidegate_wire.registry.proxies import Proxies

_SYSTEM = Path("/etc/containers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what a registry may cost.

    Attributes:
        connect_timeout: seconds for a connection, TLS included.
        read_timeout: seconds that may pass without a single byte.
        answer_timeout: seconds until the headers of an answer are complete.
        document_timeout: seconds for a whole manifest or token.
        minimum_rate: bytes per second that a blob must reach, on average over one `rate_window`.
        rate_window: seconds, counted only while waiting for the network.
        attempts: how often a transfer is tried without getting on, before it is given up.
        backoff_base: seconds; the pause before retry n is random in [0, base * 2^n] (full jitter).
        backoff_cap: seconds; upper bound of that pause, and of what a Retry-After may ask for.
        redirects: how many are followed for one request.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    answer_timeout: float = 60.0
    document_timeout: float = 60.0
    minimum_rate: float = 1024.0
    rate_window: float = 30.0
    attempts: int = 5
    backoff_base: float = 0.5
    backoff_cap: float = 60.0
    redirects: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """What container tools honour, as paths and values.

    Attributes:
        auth_files: in order of precedence; those that do not exist are passed over.
        registries_conf: the main file, which need not exist.
        registries_conf_folders: drop-ins, later folders win.
        certs_folders: `certs.d` folders; the first that has one for a host is used.
        proxies: HTTP(S) proxies and what bypasses them.
        ca_file: PEM file that replaces the system's certificate authorities (SSL_CERT_FILE).
        limits: bounds on what a registry may cost.
    """

    auth_files: tuple[Path, ...] = ()
    registries_conf: Path | None = None
    registries_conf_folders: tuple[Path, ...] = ()
    certs_folders: tuple[Path, ...] = ()
    proxies: Proxies = field(default_factory=Proxies)
    ca_file: Path | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], uid: int, auth_file: Path | None = None
    ) -> RegistrySettings:
        """The places that the manual pages containers-{auth.json,registries.conf,certs.d}(5) name.

        Args:
            environ: the process environment.
            uid: the user id, which names the runtime folder where XDG_RUNTIME_DIR is not set.
            auth_file: an explicit credentials file; it takes the place of the primary one.
        """
        home = Path(environ["HOME"]) if environ.get("HOME") else None
        config = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else None
        config = config or (home / ".config" if home else None)
        own = config / "containers" if config else None
        conf, folders = _registries_conf(environ, own)
        return cls(
            auth_files=_auth_files(environ, uid, own, home, auth_file),
            registries_conf=conf,
            registries_conf_folders=folders,
            certs_folders=((own / "certs.d",) if own else ())
            + (_SYSTEM / "certs.d", Path("/etc/docker/certs.d")),
            proxies=Proxies.from_environment(environ),
            ca_file=Path(environ["SSL_CERT_FILE"]) if environ.get("SSL_CERT_FILE") else None,
        )


def _auth_files(
    environ: Mapping[str, str], uid: int, own: Path | None, home: Path | None, explicit: Path | None
) -> tuple[Path, ...]:
    if explicit is not None:
        primary = explicit
    elif environ.get("REGISTRY_AUTH_FILE"):
        primary = Path(environ["REGISTRY_AUTH_FILE"])
    elif environ.get("XDG_RUNTIME_DIR"):
        primary = Path(environ["XDG_RUNTIME_DIR"]) / "containers/auth.json"
    else:
        primary = Path(f"/run/containers/{uid}/auth.json")
    files = [primary]
    if own:
        files.append(own / "auth.json")
    if environ.get("DOCKER_CONFIG"):
        files.append(Path(environ["DOCKER_CONFIG"]) / "config.json")
    elif home:
        files.append(home / ".docker/config.json")
    return tuple(files)


def _registries_conf(environ: Mapping[str, str], own: Path | None) -> tuple[Path, tuple[Path, ...]]:
    if environ.get("CONTAINERS_REGISTRIES_CONF"):
        return Path(environ["CONTAINERS_REGISTRIES_CONF"]), ()
    main, folder = _SYSTEM / "registries.conf", _SYSTEM / "registries.conf.d"
    if own is None:
        return main, (folder,)
    # registries.conf.d(5): a user's own main file takes the place of the system's, drop-ins included.
    if (own / "registries.conf").exists():
        return own / "registries.conf", (own / "registries.conf.d",)
    return main, (folder, own / "registries.conf.d")

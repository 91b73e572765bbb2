"""Which proxy stands between us and a host, by the usual environment variables."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping  # noqa: TC003 - dataclasses may be asked for their hints at run time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

    Attributes:
        http: URL of the proxy for http:// URLs.
        https: URL of the proxy for https:// URLs.
        bypass: hosts that are reached directly: names (with everything below them), addresses, networks in
            CIDR form, each with an optional port; `*` is all of them.
    """

    http: str | None = None
    https: str | None = None
    bypass: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Proxies:
        """Read the variables; the lower-case spelling wins, as it does in curl."""

        def value(name: str) -> str | None:
            return environ.get(name.lower()) or environ.get(name) or None

        entries = (entry.strip() for entry in (value("NO_PROXY") or "").split(","))
        return cls(
            http=value("HTTP_PROXY"),
            https=value("HTTPS_PROXY"),
            bypass=tuple(entry for entry in entries if entry),
        )

    def proxy_for(self, scheme: str, host: str, port: int) -> str | None:
        """The proxy for one host; None, as for this machine itself, is a direct connection."""
        proxy = self.https if scheme == "https" else self.http
        if (
            proxy is None
            or _is_this_machine(host)
            or any(_covers(entry, host, port) for entry in self.bypass)
        ):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    return address.is_loopback if address else host.lower() == "localhost"


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and _address(entry) is None:
        if int(wanted) != port:
            return False
        entry = name
    address = _address(host)
    if address is not None:
        return _holds(entry, address)
    name = entry.lower().removeprefix("*").removeprefix(".")
    return host.lower() == name or host.lower().endswith(f".{name}")


def _holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None

"""Login by a reverse proxy, which says in a header who it let in."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from tidegate_fleet.harmless import LABEL, harmless
from tidegate_fleet.web.doors.door import Reader
from tidegate_fleet.web.problems import PageError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tidegate_fleet.web.doors.door import Caller

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_NOT_IDENTIFYING: Final = frozenset({"host", "cookie", "authorization", "connection", "accept", "user-agent"})
LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class HeaderDoor:
    """Believes a header, when it comes from one of the proxies.

    Args:
        header: its name, such as `X-Remote-User`.
        proxies: the addresses that may say it; those of this machine when none is given.

    Raises:
        TidegateError: PAGE_UNSAFE, this name can be no such header.
    """

    has_form = False

    def __init__(self, header: str, proxies: Iterable[Network] = ()) -> None:
        if not _TOKEN.fullmatch(header) or header.lower() in _NOT_IDENTIFYING:
            raise TidegateError(Code.PAGE_UNSAFE, f"{header[:80]!r} is no header that could name a user")
        self._header = header
        self.proxies: tuple[Network, ...] = tuple(proxies)

    def reader(self, caller: Caller) -> Reader:
        """See Door.reader. Over a Unix socket its file's mode says who may speak for the proxy."""
        if caller.peer is not None and not self._trusts(caller.peer):
            raise PageError(
                Code.PAGE_LOGIN, f"{caller.peer} is none of the proxies that are believed to name users"
            )
        name = caller.only(self._header)
        if name is None or not name.strip():
            raise PageError(Code.PAGE_LOGIN, f"the proxy named no user in one {self._header} header")
        return Reader(harmless(name.strip(), LABEL))

    def _trusts(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.proxies or LOOPBACK)

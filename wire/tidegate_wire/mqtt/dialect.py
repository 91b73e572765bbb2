"""Which protocol version to speak: the newest that the broker knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.failures import VersionError
from tidegate_wire.mqtt.messages import Version

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from tidegate_wire.mqtt.link import Link


class Dialect:
    """Finds the version that the broker speaks, and remembers it until it no longer works.

    Args:
        protocol: the setting; anything but "auto" pins the version.
    """

    def __init__(self, protocol: Literal["auto", "5", "3.1.1"]) -> None:
        self._pinned = None if protocol == "auto" else Version(protocol)
        self._known: Version | None = None

    def candidates(self) -> tuple[Version, ...]:
        """The versions to try, in this order; the next one only after a refusal of the version."""
        one = self._pinned or self._known
        return (one,) if one else (Version.V5, Version.V311)

    def connect(self, make: Callable[[Version], Link]) -> Link:
        """Open a link, with one version after the other.

        Some brokers answer an unknown version with CONNACK 1, some with 0x84, and old ones just hang up. But
        so does a load balancer whose broker restarts: what worked after mere silence is not remembered.

        Raises:
            TidegateError: what the last attempt failed with.
        """
        refusals: list[VersionError] = []
        for version in self.candidates():
            link = make(version)
            try:
                link.open()
            except VersionError as error:
                refusals.append(error)
                link.close()
            except BaseException:
                link.close()
                raise
            else:
                silent = any(refusal.code is not Code.BUS_PROTOCOL for refusal in refusals)
                self._known = None if silent else version
                return link
        # The broker was exchanged or upgraded: the next attempt begins with the newest version again.
        self._known = None
        raise refusals[-1]

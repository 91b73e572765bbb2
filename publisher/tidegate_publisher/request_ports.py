"""The ports of requests to hosts. Fakes are in tests/fakes/requests.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tidegate_publisher.ports import SignerId
from tidegate_schemas.requests import HostRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tidegate_schemas.events import UpdateEvent


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request that was found genuine: what it asks for, and who asks."""

    request: HostRequest
    signers: tuple[SignerId, ...]


class RequestVerifier(Protocol):
    """Tells genuine requests from false ones, as hosts do: steps 1 to 5 of the order of verification."""

    def verify(self, bundle: bytes, host: str) -> VerifiedRequest:
        """Verify a request to a host. Time and nonce are the host's to judge.

        Raises:
            TidegateError: SIGNATURE_*, STATEMENT_*, REQUEST_OTHER_HOST, TRUST_*.
        """
        ...


class RequestLine(Protocol):
    """The broker, as far as it carries requests to hosts and their answers back."""

    def answers(self, hosts: Sequence[str], wait_s: float) -> Iterator[UpdateEvent]:
        """Listen from now on, for so many seconds: what comes between this call and the first turn is kept.

        Raises:
            TidegateError: BUS_*.
        """
        ...

    def send(self, host: str, bundle: bytes) -> None:
        """Publish at QoS 1, not retained, and wait for the acknowledgement.

        Raises:
            TidegateError: ANNOUNCE_TIMEOUT, BUS_*, STATEMENT_OVERSIZE.
        """
        ...

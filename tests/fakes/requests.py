"""The ports of requests to hosts, without I/O: a line on which hosts answer as the test says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tidegate_publisher.ports import SignerId
from tidegate_publisher.request_ports import VerifiedRequest
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.requests import parse_request


@dataclass
class FakeRequestVerifier:
    """request_ports.RequestVerifier: believes what FakeSigner signed for that host."""

    trusted: frozenset[SignerId] | None = None

    def verify(self, bundle: bytes, host: str) -> VerifiedRequest:
        """See request_ports.RequestVerifier.verify."""
        content = json.loads(bundle)
        signer = SignerId(content["identity"], content["issuer"])
        if self.trusted is not None and signer not in self.trusted:
            raise TidegateError(Code.SIGNATURE_IDENTITY, f"{signer} is not trusted")
        request = parse_request(content["payload"].encode())
        if request.predicate.host != host:
            raise TidegateError(Code.REQUEST_OTHER_HOST, "it is for another host")
        return VerifiedRequest(request, (signer,))


@dataclass
class FakeLine:
    """request_ports.RequestLine.

    Attributes:
        answer: what hosts say to a request that was sent: host and bundle to events.
        forbidden: hosts that the broker lets nobody write to.
        sent: what was sent, in order.
        waits: how long it was listened, in seconds, for each time.
    """

    answer: Callable[[str, bytes], list[UpdateEvent]] = field(default=lambda _host, _bundle: [])
    forbidden: frozenset[str] = frozenset()
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    _said: list[UpdateEvent] = field(default_factory=list)

    def answers(self, hosts: Sequence[str], wait_s: float) -> Iterator[UpdateEvent]:
        """See request_ports.RequestLine.answers."""
        self.waits.append(wait_s)
        return (event for event in self._said if event.subject in hosts)

    def send(self, host: str, bundle: bytes) -> None:
        """See request_ports.RequestLine.send."""
        if host in self.forbidden:
            raise TidegateError(Code.BUS_REFUSED, f"nobody may write to {host}")
        self.sent.append((host, bundle))
        if self.waits:
            self._said += self.answer(host, bundle)

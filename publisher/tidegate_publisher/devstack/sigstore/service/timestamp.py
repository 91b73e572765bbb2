"""The time-stamp protocol over HTTP (RFC 3161, section 3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding

from tidegate_publisher.devstack.sigstore.service.messages import HttpError, Request, Response, Routes
from tidegate_publisher.devstack.sigstore.trust import TIMESTAMP_PATH

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore


class TimestampService:
    """The time-stamp authority of an instance."""

    def __init__(self, sigstore: LocalSigstore) -> None:
        self._sigstore = sigstore

    def routes(self) -> Routes:
        """What this service answers."""
        return {
            ("POST", TIMESTAMP_PATH): self._stamp,
            ("GET", f"{TIMESTAMP_PATH}/certchain"): self._chain,
        }

    def _stamp(self, request: Request, now: datetime) -> Response:
        try:
            reply = self._sigstore.tsa.answer(request.body, now)
        except ValueError as error:
            raise HttpError(400, f"not a time-stamp request: {error}") from error
        return Response(200, "application/timestamp-reply", reply)

    def _chain(self, _request: Request, _now: datetime) -> Response:
        chain = (self._sigstore.material.tsa, self._sigstore.material.tsa_root)
        pem = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in chain)
        return Response(200, "application/pem-certificate-chain", pem)

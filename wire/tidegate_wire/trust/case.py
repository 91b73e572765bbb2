"""One verification's facts, and which parties of the trusted root may speak in it (step 3).

sigstore-python looks at `validFor` with the system's clock, and not at all at the end of certificate
authorities and logs. Here the root is narrowed first to the parties that were valid at every moment that
the bundle claims, and their windows are opened wide (`usable`), so that the library's clock decides
nothing. A false claim gains nothing: it can only narrow further, and the library refuses the times that do
not verify.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_wire.trust.bundle import Bundle
from tidegate_wire.trust.evidence import Evidence
from tidegate_wire.trust.policy import SignerPolicy
from tidegate_wire.trust.root import PinnedRoot
from tidegate_wire.trust.signed import SignatureError
from tidegate_wire.trust.usable import verifier_over

if TYPE_CHECKING:
    from datetime import datetime

    from sigstore.verify import Verifier

    from tidegate_wire.trust.root import TrustedParty


Parties = tuple["TrustedParty", ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be judged, and by what."""

    bundle: Bundle
    evidence: Evidence
    root: PinnedRoot
    policy: SignerPolicy

    @property
    def authorities(self) -> Parties:
        """The certificate authorities that were valid when it was signed."""
        return _valid(self.root.certificate_authorities, self.evidence.signing_times)

    @property
    def ctlogs(self) -> Parties:
        """The CT logs that were valid when they saw the certificate."""
        return _valid(self.root.ctlogs, self.evidence.certified_times)

    @property
    def tlogs(self) -> Parties:
        """The transparency logs that were valid when it was signed."""
        return _valid(self.root.tlogs, self.evidence.signing_times)

    @property
    def timestamp_authorities(self) -> Parties:
        """The timestamp authorities that were valid when it was signed."""
        return _valid(self.root.timestamp_authorities, self.evidence.signing_times)

    def verifier(self) -> Verifier:
        """sigstore-python's verifier over the narrowed root (step 3). It uses no network, file or clock.

        Raises:
            SignatureError: SIGNATURE_ROOT or SIGNATURE_LOG, nobody in the root was valid at that time.
            RootError: the root itself cannot be used.
        """
        self._require(self.authorities, Code.SIGNATURE_ROOT, "certificate authority")
        self._require(self.ctlogs, Code.SIGNATURE_LOG, "certificate transparency log")
        self._require(self.tlogs, Code.SIGNATURE_LOG, "transparency log")
        narrowed = replace(
            self.root,
            certificate_authorities=self.authorities,
            ctlogs=self.ctlogs,
            tlogs=self.tlogs,
            timestamp_authorities=self.timestamp_authorities,
        )
        return verifier_over(narrowed)

    def _require(self, parties: Parties, code: Code, what: str) -> None:
        if not parties:
            when = " and ".join(rfc3339(moment) for moment in sorted(self.evidence.signing_times))
            reason = f"{self.root.origin} names no {what} that was valid at the time of signing, {when}"
            raise SignatureError(code, reason)


def _valid(parties: Parties, moments: frozenset[datetime]) -> Parties:
    return tuple(party for party in parties if party.valid_at(moments))

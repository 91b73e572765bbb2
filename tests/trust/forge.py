"""The forger's workshop: the signing of a message, taken apart, so that exactly one step can be done wrong.

Every later step follows from the earlier ones, whatever they were: a forged certificate gets a genuine log
entry, a forged entry a genuine proof. What is left to refuse is the one defect.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust.beliefs import RELEASER, Beliefs, in_instance
from tests.trust.leaves import Edit, reissue
from tests.trust.releases import INSTALLED, SIGNED, statement
from tidegate_publisher.devstack.sigstore import LocalSigstore, bundle
from tidegate_publisher.devstack.sigstore.ca import Issuer, LeafRequest
from tidegate_publisher.devstack.sigstore.ctlog import CtLog
from tidegate_publisher.devstack.sigstore.dsse import IN_TOTO_TYPE, Envelope, SigningKey, sign_envelope
from tidegate_publisher.devstack.sigstore.entry import LogEntry
from tidegate_publisher.devstack.sigstore.identity import Identity
from tidegate_publisher.devstack.sigstore.trust import RekorVersion

_SINCE: Final = INSTALLED - timedelta(days=60)
_OLDER_ENTRIES: Final = 6
"""With the log's seed seven, so that the next entry's proof has three hashes."""


@dataclass(frozen=True)
class Parts:
    """All that a bundle is put together from."""

    certificate: x509.Certificate
    envelope: Envelope
    entries: tuple[LogEntry, ...]
    timestamps: tuple[bytes, ...]

    @property
    def entry(self) -> LogEntry:
        """The only log entry."""
        (entry,) = self.entries
        return entry

    def replace(self, **changes: Any) -> Parts:
        """The same with other parts."""
        return dataclasses.replace(self, **changes)

    def with_entry(self, **changes: Any) -> Parts:
        """The same with an altered log entry."""
        return self.replace(entries=(dataclasses.replace(self.entry, **changes),))

    def with_proof(self, **changes: Any) -> Parts:
        """The same with an altered inclusion proof."""
        assert self.entry.proof is not None
        return self.with_entry(proof=dataclasses.replace(self.entry.proof, **changes))

    def data(self) -> dict[str, Any]:
        """The bundle as JSON data that the caller may change."""
        return bundle.assemble(self.certificate, self.envelope, self.entries, self.timestamps)

    def message(self) -> bytes:
        """The bundle as it is sent."""
        return bundle.to_bytes(self.data())


@dataclass(frozen=True)
class Signing:
    """One signing, step by step.

    Attributes:
        sigstore: whose logs and time-stamps are used.
        rekor: which of its two logs.
        payload: what is signed.
        ca: who certifies the signer.
        ctlog: who vouches for the certificate; None for nobody.
        identity: whom the certificate names.
        payload_type: of the envelope.
        at: the start of the certificate, which is valid for ten minutes.
        logged: the time that log and time-stamps give; None for `at`.
        key: the signer's.
        edit: alters the certificate's extensions before it is issued.
    """

    sigstore: LocalSigstore
    rekor: RekorVersion
    payload: bytes
    ca: Issuer
    ctlog: CtLog | None
    identity: Identity = RELEASER
    payload_type: str = IN_TOTO_TYPE
    at: datetime = SIGNED
    logged: datetime | None = None
    key: SigningKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    edit: Edit | None = None

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The signer's certificate."""
        request = LeafRequest(self.key.public_key(), self.identity, self.at)
        if self.edit is None:
            return self.ca.issue(request, self.ctlog)
        return reissue(self.ca, self.ctlog, self.ca.issue(request, None), self.edit)

    @cached_property
    def envelope(self) -> Envelope:
        """The payload under its signature."""
        return sign_envelope(self.payload, self.key, self.payload_type)

    def log(self, envelope: Envelope, certificate: x509.Certificate) -> LogEntry:
        """A genuine log entry for these two."""
        if self.rekor == "v1":
            return self.sigstore.rekor_v1.log_envelope(envelope, certificate, self.logged or self.at)
        return self.sigstore.rekor_v2.log_envelope(envelope, certificate)

    def relog(self, body: bytes, kind: str = "dsse") -> LogEntry:
        """A genuine log entry with this body, whatever it says."""
        if self.rekor == "v1":
            return self.sigstore.rekor_v1.append(kind, body, self.logged or self.at)
        return self.sigstore.rekor_v2.append(body)

    def stamp(self, message: bytes | None = None) -> bytes:
        """A genuine time-stamp over the signature, or over something else."""
        return self.sigstore.tsa.stamp(message or self.envelope.signatures[0], self.logged or self.at)

    def parts(self, entry: LogEntry | None = None) -> Parts:
        """All together, with a log entry of one's own if wanted."""
        stamps = () if self.rekor == "v1" else (self.stamp(),)
        entries = (entry or self.log(self.envelope, self.certificate),)
        return Parts(self.certificate, self.envelope, entries, stamps)

    def message(self) -> bytes:
        """The bundle as it is sent."""
        return self.parts().message()


class Forge:
    """A Sigstore that hosts believe in, a stranger's, and what can be made of the two.

    Attributes:
        sigstore: the instance that hosts believe in.
        stranger: one of the same names that they do not know.
        beliefs: what hosts are told, where a case does not say otherwise.
    """

    def __init__(self) -> None:
        self.sigstore = LocalSigstore.create(_SINCE)
        self.stranger = LocalSigstore.create(_SINCE)
        self.beliefs: Beliefs = in_instance(self.sigstore)

    def instance(self, **material: Any) -> LocalSigstore:
        """The instance that hosts believe in, but for these keys and certificates.

        Its logs begin anew: each case is the same, whatever was made before it.
        """
        return _with_older_entries(LocalSigstore(dataclasses.replace(self.sigstore.material, **material)))

    def signing(
        self,
        rekor: RekorVersion,
        payload: bytes | None = None,
        *,
        by: LocalSigstore | None = None,
        **how: Any,
    ) -> Signing:
        """A signing in which all is well; `how` replaces what is not."""
        sigstore = by or self.instance()
        content = statement() if payload is None else payload
        return Signing(
            **{
                "sigstore": sigstore,
                "rekor": rekor,
                "payload": content,
                "ca": sigstore.ca,
                "ctlog": sigstore.ctlog,
                **how,
            }
        )


def _with_older_entries(sigstore: LocalSigstore) -> LocalSigstore:
    for number in range(_OLDER_ENTRIES):
        body = b'{"older":%d}' % number
        sigstore.rekor_v1.append("dsse", body, _SINCE)
        sigstore.rekor_v2.append(body)
    return sigstore

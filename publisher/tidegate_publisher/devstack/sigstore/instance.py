"""One local Sigstore, assembled: in memory, without a network, as fast as its signatures.

The steps of signing are separate, so that a test can leave one out or do it wrong; `sign_statement` is what
they look like when all is well.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from tidegate_publisher.devstack.sigstore import bundle, trust
from tidegate_publisher.devstack.sigstore.ca import LeafRequest
from tidegate_publisher.devstack.sigstore.ctlog import CtLog
from tidegate_publisher.devstack.sigstore.dsse import IN_TOTO_TYPE, Envelope, sign_envelope
from tidegate_publisher.devstack.sigstore.identity import identity_of
from tidegate_publisher.devstack.sigstore.keys import private_pem
from tidegate_publisher.devstack.sigstore.material import Material, load_rsa_key, write_private
from tidegate_publisher.devstack.sigstore.oidc import OidcIssuer
from tidegate_publisher.devstack.sigstore.rekor_v1 import RekorV1
from tidegate_publisher.devstack.sigstore.rekor_v2 import RekorV2
from tidegate_publisher.devstack.sigstore.tsa import TimestampAuthority

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from tidegate_publisher.devstack.sigstore.claims import Claims
    from tidegate_publisher.devstack.sigstore.trust import Message, RekorVersion

_OIDC_KEY = "oidc.key"


class LocalSigstore:
    """Certificate authority, CT log, both Rekor logs, time-stamp authority and identity provider.

    Attributes:
        material: all keys and certificates, also those of the roots.
        ca: what issues leaves.
        ctlog: what vouches for them.
        rekor_v1: the log of the old kind.
        rekor_v2: the log of the new kind.
        tsa: the time-stamp authority.
    """

    def __init__(self, material: Material, oidc: OidcIssuer | None = None) -> None:
        self.material = material
        self.ca = material.intermediate
        self.ctlog = CtLog(material.ctlog)
        self.rekor_v1 = RekorV1(material.rekor_v1)
        self.rekor_v2 = RekorV2(material.rekor_v2)
        self.tsa = TimestampAuthority(material.tsa.certificate, material.tsa.key)
        self._given_oidc = oidc

    @classmethod
    def create(cls, now: datetime | None = None) -> LocalSigstore:
        """A new instance; its authorities are valid from an hour before `now` (None: the system's clock)."""
        return cls(Material.create(now or datetime.now(UTC)))

    @classmethod
    def open(cls, directory: Path, now: datetime | None = None) -> LocalSigstore:
        """The instance kept in a directory; a new one is made and kept there if it holds none.

        Raises:
            TidegateError: what is kept there is damaged.
            OSError: the directory cannot be written.
        """
        # The identity provider's key is written last: while it is missing, nobody can have used the rest.
        if (directory / _OIDC_KEY).exists():
            return cls(Material.load(directory), OidcIssuer(load_rsa_key(directory / _OIDC_KEY)))
        created = cls.create(now)
        created.material.save(directory)
        write_private(directory / _OIDC_KEY, private_pem(created.oidc.key))
        return created

    @cached_property
    def oidc(self) -> OidcIssuer:
        """The identity provider. Its RSA key is made when first asked for: signing in-process needs none."""
        return self._given_oidc or OidcIssuer.create()

    @property
    def created(self) -> datetime:
        """From when on everything here is valid."""
        return self.material.root.certificate.not_valid_before_utc

    def trusted_root(self) -> Message:
        """The trusted root, as JSON data that the caller may change."""
        return trust.trusted_root(self.material, (self.rekor_v1.log_id, self.rekor_v2.log_id))

    def trusted_root_json(self) -> str:
        """The trusted root, as the text of `trusted_root.json`."""
        return json.dumps(self.trusted_root(), indent=2)

    def signing_config_json(self, url: str, rekor: RekorVersion = "v1") -> str:
        """The signing config for an instance served at `url`."""
        return json.dumps(trust.signing_config(url, rekor, self.created), indent=2)

    def client_trust_config_json(self, url: str, rekor: RekorVersion = "v1") -> str:
        """Trusted root and signing config in one, for an instance served at `url`."""
        signing = trust.signing_config(url, rekor, self.created)
        return json.dumps(trust.client_trust_config(self.trusted_root(), signing), indent=2)

    def certify(
        self, public_key: CertificatePublicKeyTypes, claims: Claims, now: datetime
    ) -> x509.Certificate:
        """Issue the leaf that Fulcio would issue for these claims, valid for ten minutes from `now`.

        Raises:
            ValueError: the claims lack what their kind of issuer needs.
        """
        return self.ca.issue(LeafRequest(public_key, identity_of(claims), now), self.ctlog)

    def log_and_bundle(
        self, certificate: x509.Certificate, envelope: Envelope, rekor: RekorVersion, now: datetime
    ) -> Message:
        """Log an envelope, time-stamp it where the log gives no time, and assemble the bundle."""
        if rekor == "v1":
            entry = self.rekor_v1.log_envelope(envelope, certificate, now)
            return bundle.assemble(certificate, envelope, [entry])
        stamp = self.tsa.stamp(envelope.signatures[0], now)
        entry = self.rekor_v2.log_envelope(envelope, certificate)
        return bundle.assemble(certificate, envelope, [entry], [stamp])

    def sign_statement(
        self,
        payload: bytes,
        claims: Claims,
        *,
        rekor: RekorVersion = "v1",
        now: datetime | None = None,
        payload_type: str = IN_TOTO_TYPE,
    ) -> bytes:
        """Sign a payload as whoever the claims say, all at the moment `now`.

        Args:
            payload: the bytes to sign; usually an in-toto statement, but nothing here looks.
            claims: from `claims.py`.
            rekor: the log to use; v2 adds a time-stamp.
            now: aware; the system's clock, if None.
            payload_type: the DSSE payload type.

        Returns:
            A bundle, v0.3 JSON.

        Raises:
            ValueError: the claims lack what their kind of issuer needs.
        """
        moment = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(key.public_key(), claims, moment)
        envelope = sign_envelope(payload, key, payload_type)
        return bundle.to_bytes(self.log_and_bundle(certificate, envelope, rekor, moment))

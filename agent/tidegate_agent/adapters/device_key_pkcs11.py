"""A device key in a PKCS#11 token: a TPM, a smart card, an HSM. The key never leaves it.

Loads cryptography, python-pkcs11 and the token's own library: only the signing child imports this
(`sign_child`), so that a library that hangs or crashes takes nothing else with it.

Source: PKCS #11 v3.1 (OASIS), section 6.3: CKM_ECDSA signs a hash, and returns r and s side by side.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tidegate_agent.adapters.secret_file import read_secret
from tidegate_agent.errors import PinRefusedError
from tidegate_agent.model import Signatures
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.media_types import STRUCTURED
from tidegate_wire.trust.dsse import pae, signed_by

try:
    import pkcs11
    from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
    from pkcs11.util.ec import encode_named_curve_parameters
except ImportError as fault:
    reason = "events.pkcs11 needs a library that is not installed: pip install 'tidegate[pkcs11]'"
    raise TidegateError(Code.CONFIG_MISSING, reason) from fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HALF: Final = 32
"""Bytes of r, and of s, for P-256."""

_POINT: Final = 65
"""Bytes of an uncompressed point of P-256 (SEC 1, section 2.3.3)."""


@dataclass(frozen=True, slots=True)
class TokenDeviceKey:
    """Implements `ports.EventSigner`. A session with the token is opened for each call.

    Attributes:
        module: the path of the token's PKCS#11 library.
        token: the token's label.
        label: the label of the key pair.
        pin_file: holds the user PIN, one line.
        credentials: where systemd put this unit's credentials, if it did.
    """

    module: Path
    token: str
    label: str
    pin_file: Path
    credentials: Path | None = None

    def sign(self, payloads: Sequence[bytes]) -> Signatures:
        """See EventSigner.sign."""
        with self._session(writing=False) as session:
            public = _public_half(self._find(session, ObjectClass.PUBLIC_KEY))
            der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            key = self._find(session, ObjectClass.PRIVATE_KEY) if payloads else None
            return Signatures(der, tuple(self._sign(key, public, one) for one in payloads))

    def create(self) -> None:
        """Make the key pair inside the token. Raises TidegateError(EVENT_SIGNING): one is there already."""
        with self._session(writing=True) as session:
            wanted = {Attribute.LABEL: self.label}
            if next(iter(session.get_objects(wanted)), None) is not None:
                raise self._fault(f"something with the label {self.label!r} is there already")
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
            parameters.generate_keypair(label=self.label, id=self.label.encode(), store=True)

    @contextlib.contextmanager
    def _session(self, *, writing: bool) -> Iterator[Any]:
        pin = read_secret(self.pin_file, self.credentials).decode(errors="replace").rstrip("\r\n")
        try:
            with (
                pkcs11.lib(str(self.module))
                .get_token(token_label=self.token)
                .open(rw=writing, user_pin=pin) as session
            ):
                yield session
        except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
            reason = f"the token {self.token!r} refuses the PIN in {self.pin_file}"
            raise PinRefusedError(Code.EVENT_SIGNING, reason) from error
        # The library's own errors, and RuntimeError for a module that cannot be loaded.
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise self._fault(f"{type(error).__name__} {error}".strip()) from error

    def _find(self, session: Any, kind: ObjectClass) -> Any:  # noqa: ANN401 - the library's classes are its own
        return session.get_key(object_class=kind, key_type=KeyType.EC, label=self.label)

    def _sign(self, key: Any, public: ec.EllipticCurvePublicKey, payload: bytes) -> bytes:  # noqa: ANN401 - as above
        message = pae(STRUCTURED, payload)
        raw = bytes(key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA))
        der = encode_dss_signature(int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:]))
        if not signed_by(public, der, message):
            raise self._fault(f"the two keys with the label {self.label!r} do not belong together")
        return der

    def _fault(self, why: str) -> TidegateError:
        return TidegateError(Code.EVENT_SIGNING, f"the token {self.token!r} cannot be used: {why}")


def _public_half(key: Any) -> ec.EllipticCurvePublicKey:  # noqa: ANN401 - as above
    # CKA_EC_POINT is a DER octet string around the point; some modules leave the wrapping out.
    point = bytes(key[Attribute.EC_POINT])[-_POINT:]
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise TidegateError(Code.EVENT_SIGNING, "the token's key is not EC P-256") from error

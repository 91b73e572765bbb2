"""All keys and certificates of one local Sigstore, and how they are kept in a directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from tidegate_publisher.devstack.sigstore.ca import Issuer
from tidegate_publisher.devstack.sigstore.keys import private_pem
from tidegate_publisher.devstack.sigstore.tsa import stamping_certificate
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

KEY_FILE_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Material:
    """The secrets and certificates.

    Attributes:
        root: the certificate authority's root.
        intermediate: what issues leaves.
        tsa_root: the time-stamp authority's root.
        tsa: the certificate and key that sign time-stamps.
        ctlog: the certificate transparency log's key, P-256.
        rekor_v1: the key of the Rekor v1 log, P-256.
        rekor_v2: the key of the Rekor v2 log.
    """

    root: Issuer
    intermediate: Issuer
    tsa_root: Issuer
    tsa: Issuer
    ctlog: ec.EllipticCurvePrivateKey
    rekor_v1: ec.EllipticCurvePrivateKey
    rekor_v2: ed25519.Ed25519PrivateKey

    @classmethod
    def create(cls, now: datetime) -> Material:
        """Generate everything anew, valid from an hour before `now`."""
        root = Issuer.root("tidegate development root", now)
        tsa_root = Issuer.root("tidegate development time-stamping root", now)
        tsa_key = ec.generate_private_key(ec.SECP256R1())
        return cls(
            root=root,
            intermediate=root.intermediate("tidegate development intermediate", now),
            tsa_root=tsa_root,
            tsa=Issuer(stamping_certificate(tsa_root, tsa_key, now), tsa_key),
            ctlog=ec.generate_private_key(ec.SECP256R1()),
            rekor_v1=ec.generate_private_key(ec.SECP256R1()),
            rekor_v2=ed25519.Ed25519PrivateKey.generate(),
        )

    def save(self, directory: Path) -> None:
        """Write all of it into a directory that only its owner can read.

        Raises:
            OSError: the directory cannot be written.
        """
        issuers = {
            "root": self.root,
            "intermediate": self.intermediate,
            "tsa_root": self.tsa_root,
            "tsa": self.tsa,
        }
        keys: dict[str, PrivateKeyTypes] = {
            "ctlog": self.ctlog,
            "rekor_v1": self.rekor_v1,
            "rekor_v2": self.rekor_v2,
        }
        for name, issuer in issuers.items():
            write_private(directory / f"{name}.key", private_pem(issuer.key))
            write_private(directory / f"{name}.crt", issuer.certificate.public_bytes(Encoding.PEM))
        for name, key in keys.items():
            write_private(directory / f"{name}.key", private_pem(key))

    @classmethod
    def load(cls, directory: Path) -> Material:
        """Read back what `save` wrote.

        Raises:
            TidegateError: a file is missing or damaged.
        """
        return cls(
            root=_load_issuer(directory, "root"),
            intermediate=_load_issuer(directory, "intermediate"),
            tsa_root=_load_issuer(directory, "tsa_root"),
            tsa=_load_issuer(directory, "tsa"),
            ctlog=load_ec_key(directory / "ctlog.key"),
            rekor_v1=load_ec_key(directory / "rekor_v1.key"),
            rekor_v2=load_ed25519_key(directory / "rekor_v2.key"),
        )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    part.replace(path)


def load_ec_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read an unencrypted ECDSA private key.

    Raises:
        TidegateError: it is missing, damaged, or of another kind.
    """
    key = _load_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _damaged(path)
    return key


def load_ed25519_key(path: Path) -> ed25519.Ed25519PrivateKey:
    """Read an unencrypted Ed25519 private key.

    Raises:
        TidegateError: it is missing, damaged, or of another kind.
    """
    key = _load_key(path)
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _damaged(path)
    return key


def load_rsa_key(path: Path) -> rsa.RSAPrivateKey:
    """Read an unencrypted RSA private key.

    Raises:
        TidegateError: it is missing, damaged, or of another kind.
    """
    key = _load_key(path)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _damaged(path)
    return key


def _load_key(path: Path) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(read_capped(path), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> TidegateError:
    text = f"{path} is missing or damaged; remove {path.parent} to begin with new keys, or restore it"
    return TidegateError(Code.CONFIG_VALUE, text)


def _load_issuer(directory: Path, name: str) -> Issuer:
    path = directory / f"{name}.crt"
    try:
        certificate = x509.load_pem_x509_certificate(read_capped(path))
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    return Issuer(certificate, load_ec_key(directory / f"{name}.key"))


def read_capped(path: Path) -> bytes:
    """Read a small file; a longer one is cut, and then does not parse.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(KEY_FILE_LIMIT)

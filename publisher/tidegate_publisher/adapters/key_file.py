"""Key pairs in files: for fleets that sign without Sigstore. EC P-256, PEM (RFC 7468)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.keys import UnusableKeyError, load_public_key

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES: Final = 16 * 1024
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_PUBLIC: Final = b"-----BEGIN PUBLIC KEY-----"
_COSIGN: Final = frozenset({b"ENCRYPTED SIGSTORE PRIVATE KEY", b"ENCRYPTED COSIGN PRIVATE KEY"})

Key = ec.EllipticCurvePrivateKey


def read_private_key(path: Path, password: Callable[[], str | None]) -> Key:
    """Read a private key: PKCS#8, or SEC 1 as `openssl ecparam` writes it, encrypted or not.

    Args:
        path: the file.
        password: asked only when the key is encrypted; None is that there is none.

    Raises:
        TidegateError: CONFIG_MISSING, the file cannot be read; TRUST_KEY_UNUSABLE, what it holds cannot be
            used, or more than its owner may write to it.
    """
    mode, raw = _read(path)
    name = str(path)
    block = _only_block(raw, name)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnusableKeyError(name, f"others may write to it, and so choose who signs: chmod 600 {name}")
    given = _password(password, name) if b"ENCRYPTED" in block else None
    try:
        key = load_pem_private_key(block, given)
    # ValueError, TypeError or UnsupportedAlgorithm: the library does not tell a wrong password from damage.
    except Exception as error:
        why = "it cannot be read" if given is None else "the password is not its own, or it is damaged"
        raise UnusableKeyError(name, why) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UnusableKeyError(name, "it is not an EC P-256 key")
    return key


def read_public_key(path: Path) -> str | None:
    """A file's public key, PEM; None where it holds a private key.

    Raises:
        TidegateError: CONFIG_MISSING, the file cannot be read; TRUST_KEY_UNUSABLE, it holds no key for us.
    """
    _, raw = _read(path)
    if _PUBLIC not in raw or _BLOCK.search(raw):
        return None
    pem = raw[:MAX_BYTES].decode("ascii", errors="replace")
    load_public_key(pem, str(path))
    return pem


def is_encrypted(path: Path) -> bool:
    """Whether a file's private key wants a password; False where it cannot be read, which is told later."""
    try:
        return b"ENCRYPTED" in _read(path)[1]
    except TidegateError:
        return False


def _read(path: Path) -> tuple[int, bytes]:
    """A file's mode and content, which is cut one byte after the most that is taken."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mode, file.read(MAX_BYTES + 1)
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"--key {path} cannot be read: {error.strerror}") from error


def others_may_read(path: Path) -> bool:
    """Whether more than its owner may read a file; False for one that cannot be looked at."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def _only_block(raw: bytes, name: str) -> bytes:
    blocks = list(_BLOCK.finditer(raw))
    if len(raw) > MAX_BYTES or len(blocks) != 1:
        found = f"{len(blocks)} private keys in PEM form" if blocks else "no private key in PEM form"
        raise UnusableKeyError(name, f"it holds {found}, where exactly one is expected")
    if blocks[0][1] in _COSIGN:
        why = (
            "it is in cosign's own encrypted form, which cosign alone can read and does not export; "
            "make a pair with `tidegate keygen` or openssl (`cosign import-key-pair` gives it to cosign too)"
        )
        raise UnusableKeyError(name, why)
    return blocks[0][0]


def _password(password: Callable[[], str | None], name: str) -> bytes:
    given = password()
    if not given:
        raise UnusableKeyError(name, "it is encrypted; set TIDEGATE_KEY_PASSWORD")
    return given.encode()


def public_pem(key: Key) -> str:
    """Its public half, PEM, as hosts name it in `key` of a signer."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def fingerprint(key: Key) -> str:
    """Its public half's SHA-256, base64: the hint in a bundle, as cosign writes it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode("ascii")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair on disk."""

    private: Path
    public: Path
    fingerprint: str


def make_pair(stem: Path, password: str | None) -> KeyPair:
    """Make a pair: `stem`.key (PKCS#8, mode 0600) and `stem`.pub. What is there is never overwritten.

    Args:
        stem: the files' path, without their endings.
        password: encrypts the private key (PBES2); None leaves it plain.

    Raises:
        TidegateError: CONFIG_VALUE, one of the files is there already; DISK_IO.
    """
    private, public = (stem.with_name(stem.name + ending) for ending in (".key", ".pub"))
    for path in (private, public):
        if path.is_symlink() or path.exists():
            raise _there(path)
    key = ec.generate_private_key(ec.SECP256R1())
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    # The public half first: no private one stays behind that nobody was told of.
    _create(public, public_pem(key).encode(), 0o644)
    try:
        _create(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock), 0o600)
    except TidegateError:
        with contextlib.suppress(OSError):
            public.unlink()
        raise
    return KeyPair(private, public, fingerprint(key))


def _create(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, whole or not at all."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise _there(path) from error
    except OSError as error:
        raise TidegateError(Code.DISK_IO, f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise TidegateError(Code.DISK_IO, f"{path} cannot be written: {error.strerror}") from error


def _there(path: Path) -> TidegateError:
    return TidegateError(Code.CONFIG_VALUE, f"{path} is there already, and a key is never overwritten")

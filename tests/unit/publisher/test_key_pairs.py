"""Key pairs in files: made, read, refused; and what is signed with them verifies as on hosts."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.statements import a_statement
from tidegate_publisher.adapters.identity import IdentitySource
from tidegate_publisher.adapters.key_file import (
    MAX_BYTES,
    fingerprint,
    make_pair,
    public_pem,
    read_private_key,
)
from tidegate_publisher.adapters.key_signer import KeySigner
from tidegate_publisher.adapters.signers_file import read_signers
from tidegate_publisher.cli import cli
from tidegate_publisher.options.identity import Identity
from tidegate_publisher.options.key import KeyFile
from tidegate_publisher.ports import KEY_PAIR
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust import policy, settings
from tidegate_wire.trust.keys import NO_ISSUER
from tidegate_wire.trust.shape import parse_key_bundle
from tidegate_wire.trust.verify import verify_statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PASSWORD = "Tr0ub4dor & 3"
PAYLOAD = a_statement().to_json()


def none() -> None:
    """Nobody knows a password, and nobody should have asked."""
    raise AssertionError("a password was asked for")


def refusal(path: Path, password: str | None = None) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        read_private_key(path, lambda: password)
    return caught.value


def pem_of(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl") or "openssl"
    subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_what_a_made_pair_signs_verifies_by_the_file_that_hosts_get(
    tmp_path: Path, password: str | None
) -> None:
    pair = make_pair(tmp_path / "release", password)
    key = read_private_key(pair.private, (lambda: password) if password else none)
    bundle = KeySigner(key).sign(PAYLOAD)
    signer = settings.SignerSettings(key=pair.public)
    trusted = settings.policy_of((signer,), 1)
    found = verify_statement(bundle, root=None, policy=trusted, product="os", channel="stable")
    assert (found.payload, found.identity, found.issuer) == (PAYLOAD, "release.pub", NO_ISSUER)
    assert parse_key_bundle(bundle).verification_material.public_key.hint == pair.fingerprint
    assert set(json.loads(bundle)["verificationMaterial"]) == {"publicKey"}
    assert pair.public.read_text() == public_pem(key)
    assert stat.S_IMODE(pair.private.stat().st_mode) == 0o600
    assert (b"ENCRYPTED" in pair.private.read_bytes()) is (password is not None)


def test_a_signer_without_certificate_is_named_as_on_hosts() -> None:
    assert KEY_PAIR == NO_ISSUER


@pytest.mark.parametrize("ending", [".key", ".pub"])
def test_nothing_is_overwritten_and_nothing_half_made(tmp_path: Path, ending: str) -> None:
    there = tmp_path / f"release{ending}"
    there.write_text("mine")
    with pytest.raises(TidegateError) as caught:
        make_pair(tmp_path / "release", None)
    assert (caught.value.code, str(there) in caught.value.reason) == (Code.CONFIG_VALUE, True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_link_to_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "release.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TidegateError):
        make_pair(tmp_path / "release", None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path: Path) -> None:
    # A limit on the size of files stands for the disk: write() fails after so many blocks of 512 bytes.
    script = 'ulimit -f 0; exec "$0" keygen release --json'
    program = str(Path(sys.executable).with_name("tidegate"))
    ended = subprocess.run(
        ["/bin/sh", "-c", script, program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, json.loads(ended.stdout)["code"]) == (1, "disk.io")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_key_that_others_may_write_signs_nothing(tmp_path: Path, mode: int) -> None:
    pair = make_pair(tmp_path / "release", None)
    pair.private.chmod(mode)
    error = refusal(pair.private)
    assert (error.code, "chmod 600" in error.reason) == (Code.TRUST_KEY_UNUSABLE, True)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_who_signs_with_a_key_that_others_may_read_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    mode: int,
    warned: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    pair = make_pair(tmp_path / "release", None)
    pair.private.chmod(mode)
    Identity(IdentitySource(), KeyFile(pair.private, interactive=False)).check()
    assert ("warning: more than its owner may read" in capsys.readouterr().err) is warned


@pytest.mark.parametrize(
    ("password", "interactive", "given", "asks"),
    [
        (None, True, None, False),
        (PASSWORD, True, None, True),
        (PASSWORD, True, PASSWORD, False),
        (PASSWORD, False, None, False),
    ],
)
def test_only_who_has_an_encrypted_key_and_said_no_password_will_be_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    password: str,
    interactive: bool,
    given: str,
    asks: bool,
) -> None:
    monkeypatch.delenv("TIDEGATE_KEY_PASSWORD", raising=False)
    if given is not None:
        monkeypatch.setenv("TIDEGATE_KEY_PASSWORD", given)
    pair = make_pair(tmp_path / "release", password)
    identity = Identity(IdentitySource(), KeyFile(pair.private, interactive=interactive))
    assert identity.needs_person() is asks


@pytest.mark.parametrize("stem", ["release", 'a "quoted" \\ näme'])
def test_keygen_prints_the_lines_that_trust_its_key(tmp_path: Path, stem: str) -> None:
    shown = CliRunner().invoke(cli, ["keygen", str(tmp_path / stem)]).stdout
    (tmp_path / "signers.toml").write_text(shown[shown.index("[[signers]]") :])
    found = read_signers(tmp_path / "signers.toml")
    assert str(found.policy()) == f"the key {stem}"
    other = str(tmp_path / f"{stem}-2")
    told = json.loads(CliRunner().invoke(cli, ["keygen", other, "--json"]).stdout)
    assert told["signers"].startswith("[[signers]]\n")


def test_a_public_half_is_trusted_and_signs_nothing(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "release", PASSWORD)
    public = KeyFile(pair.public, interactive=False)
    assert str(public.policy()) == "the key release.pub"
    with pytest.raises(TidegateError, match="no private key in PEM form"):
        public.private()
    pair.public.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(TidegateError, match="not a public key"):
        public.policy()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TidegateError) as caught:
        make_pair(tmp_path / "none" / "release", None)
    assert caught.value.code is Code.DISK_IO


@pytest.mark.real("openssl")
@pytest.mark.parametrize(
    ("words", "password"),
    [
        (("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), None),
        (("ecparam", "-name", "prime256v1", "-genkey"), None),  # SEC 1, behind a block of parameters
        (
            (
                *("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
                *("-aes-256-cbc", "-pass", f"pass:{PASSWORD}"),
            ),
            PASSWORD,
        ),
    ],
)
def test_keys_that_openssl_made(tmp_path: Path, words: tuple[str, ...], password: str | None) -> None:
    openssl(tmp_path, *words, "-out", "made.key")
    public = ("-pubout", "-out", "made.pub", *(("-passin", f"pass:{password}") if password else ()))
    openssl(tmp_path, "pkey", "-in", "made.key", *public)
    key = read_private_key(tmp_path / "made.key", (lambda: password) if password else none)
    assert public_pem(key) == (tmp_path / "made.pub").read_text()


@pytest.mark.real("openssl")
def test_an_old_encrypted_form_of_openssl(tmp_path: Path) -> None:
    openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "plain.key")
    lock = ("-aes256", "-passout", f"pass:{PASSWORD}")
    openssl(tmp_path, "ec", "-in", "plain.key", *lock, "-out", "locked.key")
    plain = read_private_key(tmp_path / "plain.key", none)
    locked = read_private_key(tmp_path / "locked.key", lambda: PASSWORD)
    assert fingerprint(plain) == fingerprint(locked)


def test_a_password_that_is_missing_or_wrong(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "release", PASSWORD)
    missing, wrong = refusal(pair.private, None), refusal(pair.private, "guess")
    assert {missing.code, wrong.code} == {Code.TRUST_KEY_UNUSABLE}
    assert "TIDEGATE_KEY_PASSWORD" in missing.reason
    assert "the password is not its own" in wrong.reason
    assert "guess" not in wrong.reason


@pytest.mark.parametrize("label", ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"])
def test_cosigns_own_form_is_refused_with_a_way_out(tmp_path: Path, label: str) -> None:
    path = tmp_path / "cosign.key"
    path.touch(0o600)
    path.write_text(f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")
    error = refusal(path, PASSWORD)
    assert error.code is Code.TRUST_KEY_UNUSABLE
    assert "`tidegate keygen`" in error.reason
    assert "`cosign import-key-pair`" in error.reason


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (pem_of(ec.generate_private_key(ec.SECP384R1())), "not an EC P-256 key"),
        (pem_of(rsa.generate_private_key(65537, 2048)), "not an EC P-256 key"),
        (public_pem(ec.generate_private_key(ec.SECP256R1())).encode(), "no private key in PEM form"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())) * 2, "2 private keys"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())) + b" " * MAX_BYTES, "exactly one"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (b"\xff\x00", "no private key in PEM form"),
    ],
)
def test_what_is_no_key_for_us(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "some.key"
    path.touch(0o600)
    path.write_bytes(content)
    error = refusal(path)
    assert (error.code, str(path) in error.reason) == (Code.TRUST_KEY_UNUSABLE, True)
    assert told in error.reason


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.key").code is Code.CONFIG_MISSING


def test_the_wrong_key_signs_in_vain(tmp_path: Path) -> None:
    ours, theirs = (make_pair(tmp_path / name, None) for name in ("ours", "theirs"))
    bundle = KeySigner(read_private_key(theirs.private, none)).sign(PAYLOAD)
    trusted = policy.SignerPolicy((policy.KeySigner("ours", ours.public.read_text()),))
    with pytest.raises(TidegateError) as caught:
        verify_statement(bundle, root=None, policy=trusted, product="os", channel="stable")
    assert caught.value.code is Code.SIGNATURE_IDENTITY

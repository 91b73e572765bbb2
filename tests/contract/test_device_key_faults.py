"""Device keys that cannot be used: what is said, and that nothing is risked."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.support.softhsm import PIN, SoftHsm
from tidegate_agent.adapters.device_key_file import FileDeviceKey, new_key
from tidegate_agent.adapters.signer_child import ChildSigner, KeyFile, KeyInToken
from tidegate_agent.errors import PinRefusedError
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tidegate_agent.ports import EventSigner


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "device.key"
    found.write_bytes(new_key())
    found.chmod(0o600)
    return found


def refusal(signer: EventSigner) -> str:
    with pytest.raises(TidegateError) as caught:
        signer.sign([b"{}"])
    assert caught.value.code is Code.EVENT_SIGNING
    return caught.value.reason


# Files


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o602, 0o644, 0o666])
def test_a_key_that_others_can_use_is_not_used(path: Path, mode: int) -> None:
    path.chmod(mode)
    for signer in (FileDeviceKey(path), ChildSigner(KeyFile(path))):
        reason = refusal(signer)
        assert f"(mode {mode:04o})" in reason
        assert f"chmod 600 {path}" in reason


def test_a_systemd_credential_may_show_the_mask_of_its_access_list(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.chmod(0o440)
    assert "chmod 600" in refusal(ChildSigner(KeyFile(path)))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))
    assert len(ChildSigner(KeyFile(path)).sign([b"{}"]).signatures) == 1
    for mode in (0o444, 0o460):
        path.chmod(mode)
        assert "chmod 600" in refusal(ChildSigner(KeyFile(path)))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_key_of_another_user_is_not_used(path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert "belongs to user 65534" in refusal(FileDeviceKey(path))


def _p384(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _with_password(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_text("no key"), "holds no private key"),
        (lambda path: path.write_bytes(b""), "holds no private key"),
        (lambda path: path.write_bytes(b"x" * 20_000), "more than 16384 bytes"),
        (_with_password, "holds no private key"),
        (_p384, "not EC P-256"),
        (_fifo, "is no plain file"),
        (_directory, "is no plain file"),
    ],
)
def test_what_is_no_key_is_said(path: Path, spoil: Callable[[Path], None], words: str) -> None:
    spoil(path)
    reason = refusal(ChildSigner(KeyFile(path)))
    assert words in reason
    assert str(path) in reason


def test_a_mended_key_works_again(path: Path) -> None:
    signer = ChildSigner(KeyFile(path))
    path.chmod(0o666)
    refusal(signer)
    path.chmod(0o600)
    assert len(signer.sign([b"{}", b"[]"]).signatures) == 2


# The process


def _program(folder: Path, script: str) -> str:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    return str(program)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exec sleep 60", "longer than 0.5 s"),
        ("kill -SEGV $$", "killed by signal 11"),
        ("exit 3", "exited with 3"),
        ("echo nonsense", "cannot be read"),
        ("echo '[]'", "cannot be read"),
        ("echo '{}'", "cannot be read"),
        ("""echo '{"public": "AA==", "signatures": []}'""", "cannot be read"),
        ("""echo '{"public": "?", "signatures": ["AA=="]}'""", "cannot be read"),
        ("exec yes", "printed more than"),
    ],
)
def test_a_process_that_gives_no_answer_is_no_signature(path: Path, script: str, words: str) -> None:
    timeout_s = 0.5 if "sleep" in script else 30
    signer = ChildSigner(KeyFile(path), timeout_s, _program(path.parent, script))
    assert words in refusal(signer)


# Tokens


@pytest.fixture
def hsm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftHsm:
    return SoftHsm(tmp_path / "hsm", monkeypatch)


def _elsewhere(place: KeyInToken, **changes: object) -> ChildSigner:
    return ChildSigner(replace(place, **changes))  # type: ignore[arg-type] # the test's own fields


@pytest.mark.real("softhsm2-util")
def test_what_is_missing_in_a_token_is_said(hsm: SoftHsm, tmp_path: Path) -> None:
    assert "NoSuchKey" in refusal(ChildSigner(hsm.place))
    ChildSigner(hsm.place).create_in_token()
    assert "NoSuchKey" in refusal(_elsewhere(hsm.place, label="other"))
    assert "'other'" in refusal(_elsewhere(hsm.place, token="other"))
    assert "cannot be used" in refusal(_elsewhere(hsm.place, module=tmp_path / "missing.so"))
    assert "cannot be read" in refusal(_elsewhere(hsm.place, pin_file=tmp_path / "missing"))
    hsm.place.pin_file.chmod(0o644)
    assert "chmod 600" in refusal(ChildSigner(hsm.place))


@pytest.mark.real("softhsm2-util")
def test_a_key_in_a_token_is_never_replaced(hsm: SoftHsm) -> None:
    signer = ChildSigner(hsm.place)
    made = signer.create_in_token()
    with pytest.raises(TidegateError, match="is there already"):
        signer.create_in_token()
    assert signer.sign([]).key_id == made.key_id


@pytest.mark.real("softhsm2-util")
def test_a_refused_pin_is_not_tried_again_until_it_is_another(hsm: SoftHsm) -> None:
    signer = ChildSigner(hsm.place)
    signer.create_in_token()
    hsm.place.pin_file.write_text("0000")
    with pytest.raises(PinRefusedError, match="refuses the PIN in"):
        signer.sign([])
    for _ in range(3):
        # Nothing that could ask the token is started: it says so without one.
        with pytest.raises(PinRefusedError, match="asked again when the PIN file has changed"):
            signer.sign([])
    hsm.place.pin_file.write_text(PIN)
    assert len(signer.sign([b"{}"]).signatures) == 1


@pytest.mark.real("softhsm2-util")
def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "tidegate_agent.adapters.device_key_pkcs11", raising=False)
    with pytest.raises(TidegateError, match=r"pip install 'tidegate\[pkcs11\]'") as caught:
        importlib.import_module("tidegate_agent.adapters.device_key_pkcs11")
    assert caught.value.code is Code.CONFIG_MISSING

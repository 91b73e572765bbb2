"""What a person at a terminal is asked: whether to sign, and for a key's password."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.publisher import Publisher, succeeded
from tests.support.statements import a_statement
from tidegate_publisher.adapters.key_file import read_private_key
from tidegate_publisher.adapters.key_signer import KeySigner

if TYPE_CHECKING:
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

PASSWORD = {"TIDEGATE_KEY_PASSWORD": "secret"}
PATIENCE_S = 30.0


def at_a_terminal(folder: Path, words: tuple[str, ...], *answers: tuple[str, str]) -> tuple[int, str]:
    """Run a command at a terminal, and answer each prompt when it comes: exit status, and what was shown."""
    master, slave = os.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, master)
        script = str(Path(sys.executable).with_name("tidegate"))
        process = stack.enter_context(
            subprocess.Popen(
                [script, *words],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb"},
                stdin=slave,
                stdout=subprocess.DEVNULL,
                stderr=slave,
                start_new_session=True,
            )
        )
        stack.callback(process.kill)
        os.close(slave)
        shown = ""
        for prompt, answer in answers:
            shown += _read_until(master, prompt)
            os.write(master, answer.encode() + b"\n")
        shown += _read_until(master, None)
        return process.wait(PATIENCE_S), shown


def _read_until(master: int, prompt: str | None) -> str:
    """What is shown up to a prompt, or to the end."""
    shown, deadline = b"", time.monotonic() + PATIENCE_S
    while prompt is None or prompt.encode() not in shown:
        ready, _, _ = select.select([master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{prompt!r} did not come: {shown!r}"
        try:
            more = os.read(master, 4096)
        except OSError:  # Linux's word for a terminal that nobody writes to any more
            more = b""
        if not more:
            assert prompt is None, f"{prompt!r} did not come: {shown!r}"
            break
        shown += more
    return shown.decode()


@pytest.fixture
def folder(tmp_path: Path, sigstore: LocalSigstore, image: str) -> Path:
    """One statement that `ann` signed, and `ben`, whose key is encrypted."""
    publisher = Publisher.on(tmp_path, sigstore, "http://127.0.0.1:1", "mqtt://127.0.0.1:1")
    succeeded(publisher.run("keygen", "ann"))
    succeeded(publisher.run("keygen", "ben", **PASSWORD))
    tables = "".join(f'[[signers]]\nkey = "{name}.pub"\n' for name in ("ann", "ben"))
    (tmp_path / "signers.toml").write_text(f"threshold = 2\n{tables}")
    words = ("--sequence", "1", "--key", "ann.key", "--signers", "signers.toml", "-o", "one.json")
    succeeded(publisher.run("sign", publisher.release(image), *words))
    return tmp_path


COUNTERSIGN = ("countersign", "one.json", "--key", "ben.key", "--signers", "signers.toml", "-o", "both.json")
ASKED = ("Password of ben.key", "secret")


@pytest.mark.parametrize("quiet", [(), ("--quiet",), ("--json",)])
def test_a_person_sees_what_is_signed_and_is_asked(folder: Path, quiet: tuple[str, ...]) -> None:
    status, shown = at_a_terminal(folder, (*COUNTERSIGN, *quiet), ASKED, ("Sign this?", "n"))
    assert (status, (folder / "both.json").exists()) == (130, False)
    assert "sequence    1" in shown.partition("Sign this?")[0]
    assert "secret" not in shown
    status, _ = at_a_terminal(folder, (*COUNTERSIGN, *quiet), ASKED, ("Sign this?", "y"))
    assert (status, (folder / "both.json").exists()) == (0, True)


def test_all_that_is_signed_is_seen_before(folder: Path) -> None:
    said = json.loads(a_statement(issued_at=datetime.now(UTC), version="1\nimage       good").to_json())
    said["predicate"]["rollout"]["hidden"] = "act on me"
    said["predicate"]["notes"] = "\n" * 3000
    said["subject"][0]["digest"]["sha512"] = "beef"
    ann = KeySigner(read_private_key(folder / "ann.key", lambda: None))
    (folder / "one.json").write_bytes(ann.sign(json.dumps(said).encode()))
    status, shown = at_a_terminal(folder, COUNTERSIGN, ASKED, ("Sign this?", "n"))
    before = shown.partition("Sign this?")[0]
    assert (status, (folder / "both.json").exists()) == (130, False)
    assert 'predicate.rollout.hidden = "act on me"' in before
    assert "sha512:beef" in before
    assert "\n  image       good" not in before.replace("\r", "")
    assert before.count("\n") < 50


def test_who_says_yes_beforehand_is_not_asked(folder: Path) -> None:
    status, shown = at_a_terminal(folder, (*COUNTERSIGN, "--yes"), ASKED)
    assert (status, "Sign this?" in shown) == (0, False)


def test_a_wrong_password_signs_nothing(folder: Path) -> None:
    status, shown = at_a_terminal(folder, COUNTERSIGN, ("Password of ben.key", "guess"))
    assert (status, (folder / "both.json").exists()) == (4, False)
    assert "trust.key-unusable" in shown

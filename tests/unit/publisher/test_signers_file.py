"""The signers file: the hosts' own tables, strictly read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.key_pairs import KeyPair
from tidegate_publisher.adapters.signers_file import MAX_BYTES, read_signers
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.policy import COSIGN, PROVENANCE, KeySigner, exactly

if TYPE_CHECKING:
    from pathlib import Path

ANN = '[[signers]]\nname = "ann"\nidentity = "ann@example.org"\nissuer = "https://issuer.example"\n'
BEN = '[[signers]]\nname = "ben"\nidentity = "ben@example.org"\nissuer = "https://issuer.example"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signers.toml"


def refusal(path: Path, content: str | bytes) -> TidegateError:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(TidegateError) as caught:
        read_signers(path)
    assert str(path) in caught.value.reason
    return caught.value


def test_signers_and_threshold(path: Path) -> None:
    path.write_text("threshold = 2\n" + ANN + BEN)
    policy = read_signers(path).policy()
    issuer = "https://issuer.example"
    expected = (exactly("ann@example.org", issuer, "ann"), exactly("ben@example.org", issuer, "ben"))
    assert (policy.threshold, policy.any_of) == (2, expected)


def test_the_image_takes_one_of_the_signers_unless_it_says_otherwise(path: Path) -> None:
    path.write_text("threshold = 2\n" + ANN + BEN)
    image = read_signers(path).image_policy()
    assert (image.signers.threshold, len(image.signers.any_of)) == (1, 2)
    assert image.predicates == {COSIGN, PROVENANCE}
    path.write_text(
        'image_predicates = ["provenance"]\nimage_threshold = 1\n'
        + ANN
        + BEN.replace("signers", "image_signers")
    )
    image = read_signers(path).image_policy()
    assert (str(image.signers), image.predicates) == (
        "ben (identity ben@example.org, issuer https://issuer.example)",
        frozenset({PROVENANCE}),
    )


def test_relative_keys_go_from_the_files_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = KeyPair()
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "keys").mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / "keys/a.pub").write_text(pair.pem)
    for written in ("keys/a.pub", str(tmp_path / "keys/a.pub")):
        path.write_text(f'[[signers]]\nkey = "{written}"\n')
        assert read_signers(path).policy().any_of == (KeySigner("a.pub", pair.pem),)


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        ("", Code.CONFIG_MISSING, "signers: is required: expected at least one [[signers]]"),
        ("signers = []", Code.CONFIG_VALUE, "signers"),
        ("signers = 1", Code.CONFIG_VALUE, "signers: expected a list, not 1"),
        (
            "treshold = 2\n" + ANN,
            Code.CONFIG_UNKNOWN_KEY,
            "treshold: there is no such key; did you mean threshold?",
        ),
        (
            ANN + "isuer = 'x'",
            Code.CONFIG_UNKNOWN_KEY,
            "signers[0].isuer: there is no such key; did you mean issuer?",
        ),
        (
            "product = 'os'\n" + ANN,
            Code.CONFIG_UNKNOWN_KEY,
            "product: there is no such key; known are image_",
        ),
        (
            "threshold = '2'\n" + ANN,
            Code.CONFIG_VALUE,
            "threshold: expected a whole number without quotes, not '2'",
        ),
        ("threshold = 0\n" + ANN, Code.CONFIG_VALUE, "threshold"),
        ("threshold = 2\n" + ANN, Code.TRUST_POLICY_EMPTY, "the policy wants 2 of 1 signers"),
        ("image_threshold = 2\n" + ANN, Code.TRUST_POLICY_EMPTY, "the policy wants 2 of 1 signers"),
        ("[[signers]]\nidentity = 'a@b'\n", Code.TRUST_POLICY_EMPTY, "signers[0]: "),
        ("[[signers]]\nkey = 'none.pub'\n", Code.TRUST_KEY_UNUSABLE, "none.pub cannot be read"),
        (
            ANN + "key = 'none.pub'\n",
            Code.CONFIG_VALUE,
            "expected either a key, or what a certificate has to say",
        ),
        ("image_predicates = ['all']\n" + ANN, Code.CONFIG_VALUE, "image_predicates[0]"),
        ("threshold = \n", Code.CONFIG_SYNTAX, "is not valid TOML"),
        (b"\xff", Code.CONFIG_SYNTAX, "is not valid TOML"),
        ("#" * (MAX_BYTES + 1), Code.CONFIG_SYNTAX, "larger than 64 KiB"),
    ],
)
def test_faults_name_the_file_the_key_and_what_was_expected(
    path: Path, content: str | bytes, code: Code, told: str
) -> None:
    error = refusal(path, content)
    assert error.code is code, error.reason
    assert told in error.reason


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(TidegateError) as caught:
        read_signers(path)
    assert (caught.value.code, str(path) in caught.value.reason) == (Code.CONFIG_MISSING, True)

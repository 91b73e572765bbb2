"""Whom a host believes: what can be configured, what it says in words, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.key_pairs import KeyPair
from tidegate_agent.config import InvalidConfigError, Settings, load, warnings
from tidegate_agent.config.words import trust_lines
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.trust.policy import COSIGN, PROVENANCE, KeySigner
from tidegate_wire.trust.rules import Claim, unmet

if TYPE_CHECKING:
    from pathlib import Path

    from tidegate_wire.trust.policy import SignerPolicy

HEAD = """
[bus]
url = "mqtts://broker.example"
[trust]
root = "/etc/tidegate/trusted_root.json"
[[follow]]
product = "os"
channel = "stable"
embedded = { directory = "/var/lib/os" }
"""
WORKFLOW = """
[[follow.signers]]
name = "release job"
issuer = "https://token.actions.githubusercontent.com"
workflow = "https://github.com/acme/os/.github/workflows/release.yml"
workflow_ref_pattern = 'refs/tags/v[0-9]+'
source_repository_id = ["17", "18"]
"""
MAIL = """
[[follow.signers]]
identity = "ann@example.org"
issuer = "https://accounts.example.org"
"""


def _settings(folder: Path, text: str) -> Settings:
    (folder / "agent.toml").write_text(HEAD + text)
    return load((folder,)).settings


def _policy(folder: Path, text: str) -> SignerPolicy:
    return _settings(folder, text).follow[0].policy()


def _problems(folder: Path, text: str) -> str:
    with pytest.raises(InvalidConfigError) as caught:
        _settings(folder, text)
    return caught.value.reason


def test_a_signer_with_everything_pinned(tmp_path: Path) -> None:
    (signer,) = _policy(tmp_path, WORKFLOW).any_of
    assert not isinstance(signer, KeySigner)
    assert len(unmet(signer.rule, {})) == 3
    claims = {
        Claim.ISSUER: "https://token.actions.githubusercontent.com",
        Claim.WORKFLOW: "https://github.com/acme/os/.github/workflows/release.yml",
        Claim.SOURCE_REPOSITORY_ID: "18",
        Claim.WORKFLOW_REF: "refs/heads/main",
    }
    # A stranger's ref meets the pattern only when all else is right.
    (fault,) = unmet(signer.rule, claims)
    assert "/refs/tags/v[0-9]+/" in fault
    assert unmet(signer.rule, {**claims, Claim.WORKFLOW_REF: "refs/tags/v12"}) == ()


def test_one_text_is_a_list_of_one(tmp_path: Path) -> None:
    listed = MAIL.replace('"ann@example.org"', '["ann@example.org"]')
    assert _policy(tmp_path, MAIL) == _policy(tmp_path, listed)


def test_several_signers_and_a_threshold(tmp_path: Path) -> None:
    text = "threshold = 2\n" + MAIL + WORKFLOW
    assert _policy(tmp_path, text).threshold == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("threshold = 2\n" + MAIL, "at least 2 signers"),
        ("threshold = 0\n" + MAIL, "threshold"),
        ("image_threshold = 2\n" + MAIL, "at least 2 image_signers"),
        (MAIL.replace("issuer", "#"), "issuer"),
        (MAIL.replace("identity", "#"), "identity"),
        (WORKFLOW.replace("workflow_ref_pattern", "#"), "workflow ref"),
        (WORKFLOW.replace("v[0-9]+'", "('"), "pattern"),
        (WORKFLOW.replace("refs/tags/v[0-9]+", ".*"), "nothing at all"),
        (MAIL + 'key = "/etc/tidegate/release.pub"\n', "either a key"),
        (MAIL + '[[follow.signers]]\nkey = "/etc/tidegate/release.pub"\n', "not both"),
        ('[[follow.signers]]\nkey = "release.pub"\n', "absolute path"),
        ("[[follow.signers]]\nname = 'nobody'\n", "an issuer and an identity, or a key"),
        (MAIL.replace("identity", "identety"), "identety"),
        (MAIL.replace('"ann@example.org"', '""'), "identity"),
        ('image_signature = "maybe"\n' + MAIL, "image_signature"),
        ("image_predicates = []\n" + MAIL, "image_predicates"),
    ],
)
def test_what_leaves_open_who_is_trusted_is_refused(tmp_path: Path, text: str, told: str) -> None:
    assert told in _problems(tmp_path, text)


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    pair, file = KeyPair(), tmp_path / "release.pub"
    file.write_text(pair.pem)
    text = f'[[follow.signers]]\nname = "safe"\nkey = "{file}"\n'
    assert _policy(tmp_path, text).any_of == (KeySigner("safe", pair.pem),)
    file.write_text("rubbish")
    with pytest.raises(TidegateError) as caught:
        _policy(tmp_path, text)
    assert caught.value.code is Code.TRUST_KEY_UNUSABLE
    file.unlink()
    with pytest.raises(TidegateError) as caught:
        _policy(tmp_path, text)
    assert str(file) in caught.value.reason


def test_a_host_that_trusts_keys_only_needs_no_root(tmp_path: Path) -> None:
    rootless = HEAD.replace('"/etc/tidegate/trusted_root.json"', '"none"')
    (tmp_path / "agent.toml").write_text(rootless + '[[follow.signers]]\nkey = "/etc/tidegate/release.pub"\n')
    assert load((tmp_path,)).settings.trust.root_in(tmp_path) is None
    (tmp_path / "agent.toml").write_text(rootless + MAIL)
    with pytest.raises(InvalidConfigError) as caught:
        load((tmp_path,))
    assert "every signer has to be a key" in caught.value.reason


def test_the_announcement_is_enough_unless_asked_for_more(tmp_path: Path) -> None:
    assert _settings(tmp_path, MAIL).follow[0].image_policy() is None


def test_image_signers_are_the_statements_unless_named(tmp_path: Path) -> None:
    required = 'image_signature = "required"\n'
    follow = _settings(tmp_path, required + MAIL).follow[0]
    policy = follow.image_policy()
    assert policy is not None
    assert policy.signers == follow.policy()
    assert policy.predicates == {COSIGN, PROVENANCE}
    named = (
        required + 'image_predicates = ["provenance"]\n' + MAIL + WORKFLOW.replace("signers", "image_signers")
    )
    policy = _settings(tmp_path, named).follow[0].image_policy()
    assert policy is not None
    assert policy.signers == _policy(tmp_path, WORKFLOW)
    assert policy.predicates == {PROVENANCE}


def test_it_is_said_in_plain_words(tmp_path: Path) -> None:
    text = (
        'threshold = 2\nimage_signature = "required"\nimage_predicates = ["provenance"]\n' + MAIL + WORKFLOW
    )
    statements, images, _ = trust_lines(_settings(tmp_path, text))
    assert statements == (
        "os/stable: statements count when signed by any 2 different ones of"
        " (1) identity ann@example.org, issuer https://accounts.example.org;"
        " (2) release job (issuer https://token.actions.githubusercontent.com,"
        " workflow https://github.com/acme/os/.github/workflows/release.yml,"
        " (source repository id 17 or source repository id 18), workflow ref all of /refs/tags/v[0-9]+/)"
    )
    assert images.startswith(
        "os/stable: images need a build provenance for the announced digest by any one of"
    )
    _, images, _ = trust_lines(_settings(tmp_path, MAIL))
    assert "no signature of their own" in images


def test_a_workflow_that_others_could_call_is_warned_of(tmp_path: Path) -> None:
    unpinned = WORKFLOW.replace('source_repository_id = ["17", "18"]\n', "")
    (tmp_path / "agent.toml").write_text(HEAD + unpinned)
    told = "os/stable: release job on GitHub is named without source_repository_id"
    assert any(told in warning for warning in warnings(load((tmp_path,))))
    (tmp_path / "agent.toml").write_text(HEAD + WORKFLOW + MAIL)
    assert not any("source_repository_id" in warning for warning in warnings(load((tmp_path,))))

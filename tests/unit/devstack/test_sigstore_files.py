"""What an instance keeps on disk, and what it says when that is damaged."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import jwt
import pytest
from click.testing import CliRunner

from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.command import token_command
from tidegate_publisher.devstack.sigstore.files import InstanceFiles
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

URL = "http://127.0.0.1:5557"


@pytest.fixture
def files(tmp_path: Path) -> InstanceFiles:
    files = InstanceFiles(tmp_path / "sigstore")
    files.write(LocalSigstore.open(files.keys), URL, "v2")
    return files


def test_an_instance_is_the_same_after_a_restart(files: InstanceFiles) -> None:
    again = LocalSigstore.open(files.keys)
    assert again.trusted_root_json() == files.trusted_root.read_text()
    assert again.oidc.jwks() == LocalSigstore.open(files.keys).oidc.jwks()


def test_keys_are_for_their_owner_alone(files: InstanceFiles) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.keys.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(files.keys.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["root.key", "intermediate.crt", "ctlog.key", "rekor_v2.key", "tsa.crt"])
@pytest.mark.parametrize("damage", [None, b"", b"garbage"])
def test_damage_is_named(files: InstanceFiles, name: str, damage: bytes | None) -> None:
    path = files.keys / name
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    with pytest.raises(TidegateError, match=name) as caught:
        LocalSigstore.open(files.keys)
    assert caught.value.code == Code.CONFIG_VALUE


def test_a_key_of_another_kind_is_damage(files: InstanceFiles) -> None:
    (files.keys / "rekor_v2.key").write_bytes((files.keys / "ctlog.key").read_bytes())
    with pytest.raises(TidegateError, match=r"rekor_v2\.key"):
        LocalSigstore.open(files.keys)


def test_a_first_start_that_broke_off_is_begun_again(files: InstanceFiles) -> None:
    before = files.trusted_root.read_text()
    (files.keys / "oidc.key").unlink()
    (files.keys / "tsa.key").write_bytes(b"")
    assert LocalSigstore.open(files.keys).trusted_root_json() != before


def test_the_client_files_hold_together(files: InstanceFiles) -> None:
    root, signing, both = (
        json.loads(path.read_text())
        for path in (files.trusted_root, files.signing_config, files.trust_config)
    )
    assert both["trustedRoot"] == root
    assert both["signingConfig"] == signing
    assert signing["rekorTlogUrls"][0]["majorApiVersion"] == 2
    assert signing["tsaUrls"][0]["url"] == f"{URL}/api/v1/timestamp"
    assert URL not in files.trusted_root.read_text()
    assert files.issuer() == f"{URL}/oidc"


def test_two_instances_share_nothing() -> None:
    now = datetime(2031, 5, 17, tzinfo=UTC)
    first, second = (LocalSigstore.create(now).trusted_root() for _ in range(2))
    keys = [[log["publicKey"]["rawBytes"] for log in root["tlogs"]] for root in (first, second)]
    assert not set(keys[0]) & set(keys[1])
    assert first["certificateAuthorities"] != second["certificateAuthorities"]


def mint(files: InstanceFiles, *arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(token_command, ["--dir", str(files.directory), *arguments])
    assert result.exit_code == 0, result.output
    provider = LocalSigstore.open(files.keys).oidc
    claims: dict[str, object] = jwt.decode(
        result.output.strip(), provider.key.public_key(), algorithms=["RS256"], audience="sigstore"
    )
    return claims


def test_the_token_command_is_whoever_it_is_told_to_be(files: InstanceFiles) -> None:
    assert mint(files)["email"] == "developer@example.org"
    assert mint(files)["iss"] == f"{URL}/oidc"
    assert mint(files, "--email", "me@example.org", "--issuer", "https://i.example.org")["iss"] == (
        "https://i.example.org"
    )
    job = mint(files, "--github", "acme/os", "--workflow", "ship.yml", "--ref", "refs/tags/v7")
    assert job["job_workflow_ref"] == "acme/os/.github/workflows/ship.yml@refs/tags/v7"
    assert mint(files, "--gitlab", "acme/os")["project_path"] == "acme/os"


def test_one_identity_at_a_time(files: InstanceFiles) -> None:
    arguments = ["--dir", str(files.directory), "--email", "me@example.org", "--github", "acme/os"]
    result = CliRunner().invoke(token_command, arguments)
    assert result.exit_code == 2
    assert "choose one of" in result.output


def test_a_directory_without_an_instance_is_said_to_be_one(tmp_path: Path) -> None:
    result = CliRunner().invoke(token_command, ["--dir", str(tmp_path)])
    assert isinstance(result.exception, TidegateError)
    assert result.exception.code == Code.CONFIG_MISSING
    assert not (tmp_path / "keys").exists()

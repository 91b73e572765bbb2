"""auth.json: which credential is shown to whom."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.auth_file import Credential, Credentials, parse_auth_file

if TYPE_CHECKING:
    from pathlib import Path


def entry(username: str, password: str = "") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{username}:{password}".encode()).decode()}


def found(auths: dict[str, object], host: str, repository: str) -> str | None:
    credential = parse_auth_file(json.dumps({"auths": auths}).encode(), "x").find(host, repository)
    return (credential.username or credential.identity_token) if credential else None


AUTHS: dict[str, object] = {
    "r.local": entry("host"),
    "r.local/ns": entry("namespace"),
    "r.local/ns/user/image": entry("image"),
    "r.local:5000": entry("port"),
    "https://index.docker.io/v1/": entry("hub"),
    "https://old.local/v2/": entry("url"),
    "empty.local": {},
    "token.local": {"auth": base64.b64encode(b"<token>:").decode(), "identitytoken": "refresh"},
}


@pytest.mark.parametrize(
    ("host", "repository", "expected"),
    [
        ("r.local", "ns/user/image", "image"),
        ("r.local", "ns/user/image2", "namespace"),
        ("r.local", "ns/user", "namespace"),
        ("r.local", "nsx/user", "host"),
        ("r.local:5000", "ns/user/image", "port"),
        ("r.local:5001", "ns", None),
        ("evil-r.local", "ns", None),
        ("docker.io", "library/debian", "hub"),
        ("old.local", "a", "url"),
        ("empty.local", "a", None),
        ("token.local", "a", "refresh"),
    ],
)
def test_the_longest_key_decides(host: str, repository: str, expected: str | None) -> None:
    assert found(AUTHS, host, repository) == expected


def test_a_password_may_hold_colons() -> None:
    file = parse_auth_file(json.dumps({"auths": {"r": entry("u", "a:b:c")}}).encode(), "x")
    credential = file.find("r", "a")
    assert credential == Credential("u", "a:b:c")
    assert credential.basic() == "Basic " + base64.b64encode(b"u:a:b:c").decode()


def test_a_secret_is_not_in_a_representation() -> None:
    assert "hunter2" not in repr(Credential("u", "hunter2", "hunter2"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", Code.CONFIG_SYNTAX),
        (b"\xff", Code.CONFIG_SYNTAX),
        (b"[]", Code.CONFIG_VALUE),
        (b'{"auths": {"r": "hunter2"}}', Code.CONFIG_VALUE),
        (b'{"auths": {"r": {"auth": 2}}}', Code.CONFIG_VALUE),
    ],
)
def test_a_broken_file_is_named_and_its_secrets_are_not(content: bytes, code: Code) -> None:
    with pytest.raises(TidegateError) as caught:
        parse_auth_file(content, "/run/auth.json")
    assert caught.value.code is code
    assert "/run/auth.json" in caught.value.reason
    assert "hunter2" not in caught.value.reason


@pytest.mark.parametrize("auth", ["!", "bm9jb2xvbg==", "OnA=", "//79"])
def test_what_is_not_user_and_password_is_refused(auth: str) -> None:
    with pytest.raises(TidegateError) as caught:
        found({"r": {"auth": auth}}, "r", "a")
    assert caught.value.code is Code.CONFIG_VALUE


def test_files_are_asked_in_order_and_may_be_missing(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    first.write_text(json.dumps({"auths": {"a": entry("one")}}))
    second.write_text(json.dumps({"auths": {"a": entry("two"), "b": entry("two")}}))
    credentials = Credentials([tmp_path / "missing.json", first, second])
    users = [
        credential and credential.username for credential in (credentials.find(host, "x") for host in "abc")
    ]
    assert users == ["one", "two", None]


def test_a_helper_is_not_run_but_named(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.write_text(json.dumps({"credHelpers": {"r.local": "secretservice"}}))
    assert Credentials([path]).find("r.local", "a") is None
    assert "'secretservice'" in Credentials([path]).explain("r.local")
    assert str(path) in Credentials([path]).explain("other.local")

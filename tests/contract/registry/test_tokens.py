"""Bearer tokens: where they come from, how long they serve, and what a token server may not do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.pulling import IMAGE, PASSWORD, resolve_refusal, wanting_token
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pacing import FakeTime
    from tidegate_wire.registry.source import ImageSource


def test_a_token_is_asked_for_once_and_for_pulling_only(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource
) -> None:
    registry.always("/manifests/", wanting_token("t1", realm.url))
    assert source.resolve("latest") == IMAGE.digest
    source.manifest(IMAGE.digest)
    (asked,) = realm.seen
    assert parse_qs(urlsplit(asked.path).query) == {"scope": ["repository:app:pull"], "service": ["reg"]}
    assert asked.headers["Authorization"] == f"Basic {PASSWORD}"


def test_a_token_that_expired_is_not_shown_again(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource, time: FakeTime
) -> None:
    registry.always("/manifests/", wanting_token("t1", realm.url))
    source.resolve("latest")
    time.now += 290.0
    source.resolve("latest")
    shown = [seen.headers.get("Authorization") for seen in registry.requests("/manifests/")]
    assert shown == [None, "Bearer t1", None, "Bearer t1"]
    assert len(realm.seen) == 2


def test_a_token_that_is_refused_is_renewed_once(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource
) -> None:
    registry.once("/manifests/", *[wanting_token("t1", realm.url)] * 2)
    source.resolve("latest")
    registry.always("/manifests/", wanting_token("t2", realm.url))
    assert resolve_refusal(source).code is Code.IMAGE_UNAUTHORIZED
    assert len(realm.seen) == 2


def test_an_identity_token_is_exchanged(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource, tmp_path: Path
) -> None:
    registry.always("/manifests/", wanting_token("t1", realm.url))
    (tmp_path / "auth.json").write_text(
        json.dumps({"auths": {registry.host: {"identitytoken": "long lived"}}})
    )
    source.resolve("latest")
    (asked,) = realm.seen
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode()) == {
        "scope": ["repository:app:pull"],
        "service": ["reg"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["long lived"],
        "client_id": ["tidegate"],
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token": ""}',
        b'{"token": 3}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b'{"token": "\xc3\xa4"}',
        b'{"token": "t1", "expires_in": "never"}',
        b"[" * 60_000,
        b'{"token": "' + b"x" * 20_000 + b'"}',
    ],
)
def test_a_token_servers_nonsense_is_refused(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource, content: bytes
) -> None:
    realm.once("/token", answering(200, content))
    registry.always("/manifests/", wanting_token("t1", realm.url))
    assert resolve_refusal(source).code is Code.IMAGE_UNAUTHORIZED


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
def test_a_token_server_that_refuses_is_believed(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource, status: int
) -> None:
    with fake_registry() as elsewhere:
        realm.once("/token", answering(status, Location=f"{elsewhere.url}/token"))
        registry.always("/manifests/", wanting_token("t1", realm.url))
        assert resolve_refusal(source).code is Code.IMAGE_UNAUTHORIZED
        assert elsewhere.seen == []


def test_a_busy_token_server_is_asked_again(
    registry: FakeRegistry, realm: FakeRegistry, source: ImageSource, time: FakeTime
) -> None:
    realm.once("/token", answering(503, Retry_After="9"))
    registry.always("/manifests/", wanting_token("t1", realm.url))
    assert source.resolve("latest") == IMAGE.digest
    assert time.slept == [9.0]

"""Passwords and redirects: a secret reaches only the host that it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.pulling import BLOB, CONTENT, IMAGE, PASSWORD, fetch, refusal
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.registry import Exchange
    from tidegate_wire.registry.source import ImageSource


def basic(exchange: Exchange) -> None:
    """An honest registry behind a password."""
    if exchange.headers.get("Authorization") == f"Basic {PASSWORD}":
        exchange.server.registry.answer(exchange)
    else:
        exchange.send(401, WWW_Authenticate='Basic realm="app"')


def test_a_password_is_shown_when_it_is_asked_for(registry: FakeRegistry, source: ImageSource) -> None:
    registry.always("/manifests/", basic)
    assert source.resolve("latest") == IMAGE.digest
    assert "Authorization" not in registry.requests("/manifests/")[0].headers
    source.manifest(IMAGE.digest)
    assert len(registry.requests("/manifests/")) == 3


def test_a_password_never_follows_a_redirect_to_another_host(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    with fake_registry() as elsewhere:
        elsewhere.blobs[BLOB.digest] = CONTENT

        def send_away(exchange: Exchange) -> None:
            if "Authorization" in exchange.headers:
                exchange.send(307, Location=f"{elsewhere.url}/v2/app/blobs/{BLOB.digest}")
            else:
                basic(exchange)

        registry.always("/blobs/", send_away)
        assert fetch(source, store) == CONTENT
        assert [seen.headers.get("Authorization") for seen in elsewhere.seen] == [None]


def test_another_host_that_asks_for_a_password_gets_none(
    registry: FakeRegistry, source: ImageSource, store: Path
) -> None:
    with fake_registry() as elsewhere:
        elsewhere.always("/", answering(401, WWW_Authenticate='Basic realm="give it to me"'))
        registry.always("/blobs/", answering(307, Location=f"{elsewhere.url}/blob"))
        assert refusal(source, store).code is Code.IMAGE_UNAUTHORIZED
        assert [seen.headers.get("Authorization") for seen in elsewhere.seen] == [None]


def test_a_registry_that_is_never_content_is_asked_twice(
    registry: FakeRegistry, source: ImageSource, tmp_path: Path
) -> None:
    registry.always("/manifests/", answering(401, WWW_Authenticate="Basic"))
    with pytest.raises(TidegateError) as caught:
        source.resolve("latest")
    assert caught.value.code is Code.IMAGE_UNAUTHORIZED
    assert str(tmp_path / "auth.json") in caught.value.reason
    assert "secret" not in str(caught.value)
    assert len(registry.requests("/manifests/")) == 2


@pytest.mark.parametrize(
    "location", ["/v2/app/blobs/again", "file:///etc/shadow", "http://[", "gopher://x/", ""]
)
def test_redirects_that_lead_nowhere_end(
    registry: FakeRegistry, source: ImageSource, store: Path, location: str
) -> None:
    registry.always("/blobs/", answering(302, Location=location))
    assert refusal(source, store).code is Code.IMAGE_UNREACHABLE
    assert len(registry.requests("/blobs/")) <= 6

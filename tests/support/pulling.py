"""Pulling one blob from a fake registry: what the contract tests of registries share."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.images import describe, image, noise
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import Limits, RegistrySettings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pacing import FakeTime
    from tests.fakes.registry import Exchange, FakeRegistry, Trick
    from tidegate_wire.registry.source import ImageSource

CONTENT = noise(600_000)
BLOB = describe(CONTENT)
IMAGE = image({"a": b"1"})
PASSWORD = base64.b64encode(b"fleet:secret").decode()


def pulling(
    registry: FakeRegistry, folder: Path, time: FakeTime, mirrors: str = "", limits: Limits | None = None
) -> ImageSource:
    """A source on the registry, with credentials for it, that believes in plain HTTP."""
    conf, auth = folder / "registries.conf", folder / "auth.json"
    conf.write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n{mirrors}')
    auth.write_text(json.dumps({"auths": {registry.host: {"auth": PASSWORD}}}))
    settings = RegistrySettings(registries_conf=conf, auth_files=(auth,), limits=limits or Limits())
    return open_source(parse_reference(f"{registry.host}/app"), settings, time.pacing(limits))


def mirror_of(registry: FakeRegistry) -> str:
    return f'[[registry.mirror]]\nlocation = "{registry.host}"\ninsecure = true\n'


def fetch(source: ImageSource, store: Path, counts: list[int] | None = None) -> bytes:
    counted = [] if counts is None else counts
    return fetch_blob(source, BLOB, store, counted.append, lambda: False).read_bytes()


def refusal(source: ImageSource, store: Path) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        fetch(source, store)
    return caught.value


def wanting_token(token: str, realm: str) -> Trick:
    """An honest registry behind one bearer token."""

    def trick(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") == f"Bearer {token}":
            exchange.server.registry.answer(exchange)
        else:
            scope = "repository:other:pull,push,delete"
            challenge = f'Bearer realm="{realm}/token",service="reg",scope="{scope}"'
            exchange.send(401, WWW_Authenticate=challenge)

    return trick


def resolve_refusal(source: ImageSource) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        source.resolve("latest")
    return caught.value

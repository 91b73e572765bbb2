"""Pulling from Debian's docker-registry: anonymous, by password, by token, through mirrors."""

from __future__ import annotations

import base64
import json
import ssl
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.fakes.pacing import FakeTime
from tests.fakes.registry import fake_registry
from tests.support.images import image, noise
from tests.support.pki import Authority
from tests.support.registries import RealRegistry, htpasswd, token
from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.registry.download import fetch_blob
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.parsing import parse_manifest
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.fakes.registry import Exchange
    from tests.support.pki import Leaf
    from tidegate_wire.registry.source import ImageSource

pytestmark = pytest.mark.real("docker-registry")

IMAGE = image({"etc/os-release": b"ID=test\n"}, {"big": noise(2_500_000)}, labels={"version": "1"})
FLEET = base64.b64encode(b"fleet:secret").decode()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    with RealRegistry(tmp_path) as running:
        running.push("fleet/app", IMAGE, "v1")
        yield running


def pulling(
    name: str, folder: Path, conf: str = "", auths: Mapping[str, object] | None = None
) -> ImageSource:
    (folder / "registries.conf").write_text(conf)
    (folder / "auth.json").write_text(json.dumps({"auths": auths or {}}))
    settings = RegistrySettings(
        registries_conf=folder / "registries.conf",
        auth_files=(folder / "auth.json",),
        certs_folders=(folder / "certs.d",),
    )
    return open_source(parse_reference(name), settings, FakeTime().pacing())


def insecure(host: str) -> str:
    return f'[[registry]]\nlocation = "{host}"\ninsecure = true\n'


def pull_whole(source: ImageSource, folder: Path) -> dict[str, bytes]:
    store = folder / "store"
    store.mkdir()
    digest = source.resolve("v1")
    manifest = parse_manifest(source.manifest(digest), digest)
    found = {}
    for blob in (manifest.config, *manifest.layers):
        found[blob.digest] = fetch_blob(source, blob, store, lambda _: None, lambda: False).read_bytes()
    return found


def refusal(source: ImageSource) -> TidegateError:
    with pytest.raises(TidegateError) as caught:
        source.resolve("v1")
    return caught.value


def test_an_image_is_pulled_by_digest(registry: RealRegistry, tmp_path: Path) -> None:
    source = pulling(f"{registry.host}/fleet/app", tmp_path, insecure(registry.host))
    assert source.resolve("v1") == IMAGE.digest
    assert pull_whole(source, tmp_path) == IMAGE.blobs


def test_what_is_not_there_is_not_found(registry: RealRegistry, tmp_path: Path) -> None:
    assert (
        refusal(pulling(f"{registry.host}/other", tmp_path, insecure(registry.host))).code
        is Code.IMAGE_NOT_FOUND
    )


def test_a_half_blob_is_completed_by_range(registry: RealRegistry, tmp_path: Path) -> None:
    source = pulling(f"{registry.host}/fleet/app", tmp_path, insecure(registry.host))
    blob, content = IMAGE.layers[1], IMAGE.blobs[IMAGE.layers[1].digest]
    half = len(content) // 2
    (tmp_path / f"{blob.digest.removeprefix('sha256:')}.partial").write_bytes(content[:half])
    counts: list[int] = []
    path = fetch_blob(source, blob, tmp_path, counts.append, lambda: False)
    assert path.read_bytes() == content
    assert sum(counts) == len(content) - half


def test_a_password_out_of_auth_json_opens(registry: RealRegistry, tmp_path: Path) -> None:
    assert registry.host
    with RealRegistry(tmp_path, htpasswd(tmp_path)) as locked:
        name, conf = f"{locked.host}/fleet/app", insecure(locked.host)
        assert refusal(pulling(name, tmp_path, conf)).code is Code.IMAGE_UNAUTHORIZED
        wrong = {locked.host: {"auth": base64.b64encode(b"fleet:wrong").decode()}}
        assert refusal(pulling(name, tmp_path, conf, wrong)).code is Code.IMAGE_UNAUTHORIZED
        source = pulling(name, tmp_path, conf, {f"{locked.host}/fleet": {"auth": FLEET}})
        assert pull_whole(source, tmp_path) == IMAGE.blobs


def test_a_mirror_is_used_and_its_absence_survived(registry: RealRegistry, tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    with RealRegistry(tmp_path / "mirror") as mirror:
        mirror.push("cache/app", IMAGE, "v1")
        conf = (
            f'[[registry]]\nprefix = "registry.example/fleet"\nlocation = "{registry.host}/fleet"\n'
            "insecure = true\n"
            f'[[registry.mirror]]\nlocation = "{mirror.host}/cache"\ninsecure = true\n'
        )
        source = pulling("registry.example/fleet/app", tmp_path, conf)
        assert source.manifest(IMAGE.digest) == IMAGE.manifest
    assert source.manifest(IMAGE.digest) == IMAGE.manifest


def signed_token(leaf: Leaf, query: str) -> bytes:
    """What a token server grants: pulling what was asked for (distribution, spec/auth/jwt)."""
    (scope,) = parse_qs(query)["scope"]
    kind, name, actions = scope.split(":")
    now = int(time.time())
    claims = {
        "iss": "tests",
        "sub": "fleet",
        "aud": "registry",
        "exp": now + 300,
        "nbf": now - 60,
        "iat": now,
        "jti": "1",
        "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
    }
    certificate = x509.load_pem_x509_certificate(leaf.cert.read_bytes())
    chain = [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()]
    made = jwt.encode(claims, leaf.key.read_bytes(), algorithm="ES256", headers={"x5c": chain})
    return json.dumps({"token": made, "expires_in": 300}).encode()


def test_a_token_is_fetched_and_accepted(registry: RealRegistry, tmp_path: Path) -> None:
    assert registry.host
    authority = Authority(tmp_path / "pki")
    leaf = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.cert, leaf.key)

    def grant(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") == f"Basic {FLEET}":
            exchange.send(200, signed_token(leaf, urlsplit(exchange.path).query))
        else:
            exchange.send(401)

    with (
        fake_registry(context) as realm,
        RealRegistry(tmp_path, token(f"{realm.url}/token", authority.ca), leaf) as locked,
    ):
        realm.always("/token", grant)
        for host in (realm.host, locked.host):
            (tmp_path / "certs.d" / host).mkdir(parents=True)
            (tmp_path / "certs.d" / host / "ca.crt").write_bytes(authority.ca.read_bytes())
        name = f"{locked.host}/fleet/app"
        assert refusal(pulling(name, tmp_path)).code is Code.IMAGE_UNAUTHORIZED
        source = pulling(name, tmp_path, auths={locked.host: {"auth": FLEET}})
        assert pull_whole(source, tmp_path) == IMAGE.blobs
        assert len(realm.seen) == 2

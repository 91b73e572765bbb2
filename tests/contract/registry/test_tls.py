"""TLS, certs.d and proxies: whom we speak to, and what never goes without TLS."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest

from tests.fakes.registry import FakeRegistry, answering, fake_registry
from tests.support.pki import Authority
from tests.support.pulling import IMAGE, PASSWORD, pulling, resolve_refusal, wanting_token
from tidegate_schemas.codes import Code
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.pacing import FakeTime
    from tidegate_wire.registry.source import ImageSource


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[FakeRegistry]:
    """A registry with TLS, whose certificate the certs.d in tmp_path knows."""
    authority = Authority(tmp_path / "pki")
    leaf = authority.issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.cert, leaf.key)
    with fake_registry(context) as running:
        running.add(IMAGE.manifest, IMAGE.blobs)
        known = tmp_path / "certs.d" / running.host
        known.mkdir(parents=True)
        (known / "ca.crt").write_bytes(authority.ca.read_bytes())
        yield running


def securely(secure: FakeRegistry, folder: Path, time: FakeTime) -> ImageSource:
    auth = folder / "auth.json"
    auth.write_text(json.dumps({"auths": {secure.host: {"auth": PASSWORD}}}))
    settings = RegistrySettings(certs_folders=(folder / "certs.d",), auth_files=(auth,))
    return open_source(parse_reference(f"{secure.host}/app"), settings, time.pacing())


def test_certs_d_names_the_authority_of_one_registry(
    secure: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    assert securely(secure, tmp_path, time).resolve("latest") == IMAGE.digest


def test_an_unknown_certificate_is_refused_at_once(secure: FakeRegistry, time: FakeTime) -> None:
    source = open_source(parse_reference(f"{secure.host}/app"), RegistrySettings(), time.pacing())
    error = resolve_refusal(source)
    assert error.code is Code.IMAGE_UNREACHABLE
    assert "certificate" in error.reason
    assert time.slept == []


def test_an_insecure_registry_may_have_any_certificate(
    secure: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    assert pulling(secure, tmp_path, time).resolve("latest") == IMAGE.digest
    assert secure.requests("/v2/")[0].path == "/v2/"


def test_ssl_cert_file_takes_the_systems_place(secure: FakeRegistry, tmp_path: Path, time: FakeTime) -> None:
    settings = RegistrySettings(ca_file=tmp_path / "pki/ca.crt")
    source = open_source(parse_reference(f"{secure.host}/app"), settings, time.pacing())
    assert source.resolve("latest") == IMAGE.digest


def test_a_broken_certificate_file_is_named(secure: FakeRegistry, tmp_path: Path, time: FakeTime) -> None:
    broken = tmp_path / "certs.d" / secure.host / "other.crt"
    broken.write_text("no certificate")
    error = resolve_refusal(securely(secure, tmp_path, time))
    assert error.code is Code.CONFIG_VALUE
    assert str(broken) in error.reason


def test_a_realm_without_tls_gets_nothing_from_a_registry_with_tls(
    secure: FakeRegistry, realm: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    secure.always("/manifests/", wanting_token("t1", realm.url))
    error = resolve_refusal(securely(secure, tmp_path, time))
    assert error.code is Code.IMAGE_UNAUTHORIZED
    assert "not https" in error.reason
    assert realm.seen == []


def test_tls_is_never_left_by_a_redirect(
    secure: FakeRegistry, registry: FakeRegistry, tmp_path: Path, time: FakeTime
) -> None:
    secure.always("/manifests/", answering(307, Location=f"{registry.url}/v2/app/manifests/latest"))
    error = resolve_refusal(securely(secure, tmp_path, time))
    assert error.code is Code.IMAGE_UNREACHABLE
    assert registry.seen == []


def test_a_proxy_is_used_and_bypassed_as_the_environment_says(registry: FakeRegistry, time: FakeTime) -> None:
    environ = {"SSL_CERT_FILE": "", "HTTPS_PROXY": registry.url, "HOME": "/nonexistent"}
    settings = RegistrySettings.from_environment(environ, uid=0)
    source = open_source(parse_reference("registry.example/app"), settings, time.pacing())
    assert resolve_refusal(source).code is Code.IMAGE_UNREACHABLE
    assert registry.seen[0].method == "CONNECT"
    assert registry.seen[0].path == "registry.example:443"

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tidegate_schemas.codes import Code, TidegateError
from tidegate_wire.mqtt.client import tls_context
from tidegate_wire.mqtt.endpoint import Endpoint, parse_url
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from pathlib import Path


def settings(**values: Any) -> BusSettings:
    return BusSettings.model_validate({"url": "mqtts://broker.example", **values})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://broker", Endpoint("broker", 1883, tls=False, path=None)),
        ("mqtt://broker:2883/", Endpoint("broker", 2883, tls=False, path=None)),
        ("mqtts://Broker.Example", Endpoint("broker.example", 8883, tls=True, path=None)),
        ("mqtts://[2001:db8::1]:99", Endpoint("2001:db8::1", 99, tls=True, path=None)),
        ("ws://broker", Endpoint("broker", 80, tls=False, path="/mqtt")),
        ("wss://broker/some/where", Endpoint("broker", 443, tls=True, path="/some/where")),
    ],
)
def test_a_url_is_read(url: str, expected: Endpoint) -> None:
    assert parse_url(url) == expected


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("", "no scheme"),
        ("broker:1883", "begins with 'broker'"),
        ("http://broker", "begins with 'http'"),
        ("mqtt://", "no host"),
        ("mqtt://:1883", "no host"),
        ("mqtt://broker:0", "port 0"),
        ("mqtt://broker:65536", "malformed"),
        ("mqtt://broker:abc", "malformed"),
        ("mqtt://[::1", "malformed"),
        ("mqtt://broker/mqtt", "path"),
        ("mqtt://broker?x=1", "query"),
        ("wss://broker/mqtt#x", "fragment"),
        ("mqtt://bro ker", "space"),
        ("mqtt://broker\n", "space"),
        ("mqtt://user@broker", "credentials"),
    ],
)
def test_a_bad_url_is_explained(url: str, what: str) -> None:
    with pytest.raises(TidegateError) as caught:
        parse_url(url)
    assert caught.value.code is Code.CONFIG_VALUE
    assert what in caught.value.reason
    assert "mqtts://host:8883" in caught.value.reason


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        settings(url="mqtts://edge-1:hunter2@broker")
    assert "password_file" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text() | st.from_regex(r"(mqtts?|wss?)://\S*", fullmatch=True))
def test_any_text_is_a_url_or_an_error_for_people(text: str) -> None:
    endpoint: Endpoint | None = None
    with contextlib.suppress(TidegateError):
        endpoint = parse_url(text)
    assert endpoint is None or (endpoint.host and 0 < endpoint.port < 65536)


def test_defaults() -> None:
    made = settings()
    assert (made.protocol, made.prefix, made.keepalive_s) == ("auto", "tidegate/v1", 60)
    assert made.session_expiry_s == 2_592_000
    assert made.topics.status("edge-1") == "tidegate/v1/hosts/edge-1/status"


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "blue"},
        {"protocol": "3.1"},
        {"protocol": 5},
        {"prefix": "tidegate/#"},
        {"prefix": ""},
        {"prefix": "a/b/c/d/e/f"},
        {"keepalive_s": 0},
        {"keepalive_s": "60"},
        {"session_expiry_s": 2**32},
        {"password": "x"},
        {"username": "u", "password": "x", "password_file": "/p"},
        {"key": "/k"},
        {"url": "mqtt://broker", "ca": "/ca"},
        {"url": "ws://broker", "cert": "/cert"},
        {"alternatives": ["mqtts://"]},
        {"alternatives": ["mqtt://broker.example"]},
        {"alternatives": ["mqtts://edge-1:hunter2@broker"]},
        {"alternatives": [f"mqtts://broker-{number}" for number in range(17)]},
        {"alternatives": "mqtts://broker"},
        {"reconnect_first_s": 0},
        {"reconnect_first_s": 60.0, "reconnect_most_s": 59.0},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("mqtt://broker", True),
        ("ws://10.0.0.1", True),
        ("mqtts://broker", False),
        ("wss://broker", False),
        ("mqtt://localhost", False),
        ("mqtt://127.0.0.7", False),
        ("mqtt://[::1]", False),
        ("mqtt://localhost.example", True),
    ],
)
def test_a_password_in_clear_over_a_network_is_warned_of(url: str, *, warned: bool) -> None:
    assert bool(settings(url=url, username="edge-1", password="x").warnings) is warned
    assert settings(url=url, username="edge-1").warnings == ()


def test_alternatives_are_other_brokers_for_the_same_client() -> None:
    urls = ["mqtts://b", "mqtts://c", "mqtts://b", "mqtts://broker.example"]
    made = settings(alternatives=urls, username="edge-1")
    each = made.each
    assert [one.url for one in each] == ["mqtts://broker.example", "mqtts://b", "mqtts://c"]
    assert {(one.username, one.alternatives) for one in each} == {("edge-1", ())}


def test_a_password_in_clear_to_an_alternative_is_warned_of() -> None:
    made = settings(url="mqtt://localhost", alternatives=["mqtt://b"], username="edge-1", password="x")
    assert [("b:1883" in warning) for warning in made.warnings] == [True]


def test_a_password_is_never_shown() -> None:
    made = settings(username="edge-1", password="hunter2")
    assert "hunter2" not in repr(made)
    assert "hunter2" not in made.model_dump_json()
    assert made.read_password() == "hunter2"


def test_a_password_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "password"
    made = settings(username="edge-1", password_file=str(file))
    file.write_text("first\n")
    assert made.read_password() == "first"
    file.write_text("second with spaces ")
    assert made.read_password() == "second with spaces "


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 5000])
def test_a_bad_password_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(TidegateError) as caught:
        settings(username="edge-1", password_file=str(file)).read_password()
    assert caught.value.code is Code.CONFIG_VALUE
    assert str(file) in caught.value.reason


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TidegateError) as caught:
        settings(username="edge-1", password_file=str(tmp_path / "no")).read_password()
    assert caught.value.code is Code.CONFIG_MISSING


@pytest.mark.parametrize("role", ["ca", "cert"])
def test_missing_and_broken_pem_files_are_named(tmp_path: Path, role: str) -> None:
    file = tmp_path / f"{role}.pem"
    made = settings(**{role: str(file)})
    with pytest.raises(TidegateError) as missing:
        tls_context(made)
    assert (missing.value.code, str(file) in missing.value.reason) == (Code.CONFIG_MISSING, True)
    file.write_text("not PEM")
    with pytest.raises(TidegateError) as broken:
        tls_context(made)
    assert (broken.value.code, str(file) in broken.value.reason) == (Code.CONFIG_VALUE, True)

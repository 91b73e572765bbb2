"""What is in a request of a webhook: the signature, the id, the address, the headers' file."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.statements import an_event
from tidegate_fleet.outward.posting import Address, pause_of, read_headers, require_url
from tidegate_fleet.outward.signatures import read_secrets
from tidegate_fleet.outward.webhook import message_id
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def a_file(folder: Path, text: str) -> Path:
    path = folder / "file"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_specifications_own_example_is_signed_as_it_says(tmp_path: Path) -> None:
    # The vector of the specification's reference libraries.
    headers = read_secrets(a_file(tmp_path, SECRET)).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_two_secrets_give_two_signatures(tmp_path: Path) -> None:
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    one = read_secrets(a_file(tmp_path, SECRET)).headers("msg_1", 1, b"x")["webhook-signature"]
    both = read_secrets(a_file(tmp_path, f"{SECRET}\n{other}\n")).headers("msg_1", 1, b"x")
    assert both["webhook-signature"].split()[0] == one
    assert len(both["webhook-signature"].split()) == 2


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "holds 0 secrets"),
        ("\n".join([SECRET] * 5), "holds 5 secrets"),
        (SECRET.removeprefix("whsec_"), "holds a line that is not whsec_"),
        ("whsec_YWJj", "holds a line that is not whsec_"),
        ("whsec_****", "holds a line that is not whsec_"),
        ("\u00fc", "cannot be read"),
    ],
)
def test_a_file_without_secrets_is_refused_and_never_repeated(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(TidegateError, match=wrong) as refused:
        read_secrets(a_file(tmp_path, text))
    assert refused.value.code is Code.CONFIG_VALUE
    assert SECRET.removeprefix("whsec_") not in str(refused.value)


def test_a_secret_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path, SECRET)
    path.chmod(0o604)
    with pytest.raises(TidegateError, match="chmod o-rwx"):
        read_secrets(path)


def test_an_id_stays_and_is_safe_in_a_header_whatever_a_host_calls_its_event() -> None:
    event = an_event()
    nasty = event.model_copy(update={"id": 'x\r\nSet-Cookie: "ü"'})
    assert message_id([event]) == message_id([event])
    assert message_id([event]) != message_id([nasty]) != message_id([event, nasty])
    assert message_id([nasty]).replace("_", "").isalnum()


@pytest.mark.parametrize(
    "url", ["https://hooks.example.org/x", "http://127.0.0.1:9/x", "http://[::1]:9/", "http://localhost/"]
)
def test_https_is_taken_and_http_on_loopback(url: str) -> None:
    require_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.org/", "ftp://127.0.0.1/", "hooks.example.org", "https://", "https://h:0/"),
        *(
            "https://h/a b",
            "https://h/\n",
            "https://[::1",
            "http://127.0.0.1.example.org/",
            "http://localhost.x/",
        ),
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(TidegateError, match="expected an https address") as refused:
        require_url(url)
    assert refused.value.code is Code.CONFIG_VALUE


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(TidegateError, match="without a user's name") as refused:
        require_url("https://user:hunter2@hooks.example.org/")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 5 ", 5),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("9" * 40, None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("", None),
        ("٣", None),
    ],
)
def test_a_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert pause_of(text, NOW) == seconds


def test_headers_are_read_from_a_file(tmp_path: Path) -> None:
    path = a_file(tmp_path, "Authorization: Bearer a:b\n\nX-Scope-OrgID:  7 \n")
    assert read_headers(path) == {"Authorization": "Bearer a:b", "X-Scope-OrgID": "7"}


@pytest.mark.parametrize("text", ["Authorization", "Bad Name: x", ": x", "X: \x07"])
def test_what_is_no_header_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TidegateError, match="holds a line that is no header"):
        read_headers(a_file(tmp_path, text))


def test_headers_that_others_may_read_are_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path, "Authorization: Bearer secret")
    path.chmod(0o644)
    with pytest.raises(TidegateError, match="chmod o-rwx") as refused:
        read_headers(path)
    assert refused.value.code is Code.CONFIG_VALUE
    assert "secret" not in str(refused.value)


def test_an_address_is_named_without_the_secrets_in_it() -> None:
    address = Address("https://hooks.example.org:8443/services/T000/SECRET?token=ALSO")
    assert address.label == "https://hooks.example.org:8443"

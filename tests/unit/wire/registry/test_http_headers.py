"""WWW-Authenticate, Retry-After, proxies, tokens: small readers of what comes from outside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_wire.registry.challenge import Challenge, choose_challenge, parse_challenges
from tidegate_wire.registry.pacing import retry_after
from tidegate_wire.registry.proxies import Proxies
from tidegate_wire.registry.tokens import read_token


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", ()),
        ("Basic", (Challenge("basic"),)),
        ('Basic realm="a b"', (Challenge("basic", {"realm": "a b"}),)),
        (
            'Bearer realm="https://t/token",service="r",scope="repository:a:pull,push"',
            (
                Challenge(
                    "bearer", {"realm": "https://t/token", "service": "r", "scope": "repository:a:pull,push"}
                ),
            ),
        ),
        (
            'Negotiate, Bearer Realm = "x\\"y" , service=r, Basic realm=z',
            (
                Challenge("negotiate"),
                Challenge("bearer", {"realm": 'x"y', "service": "r"}),
                Challenge("basic", {"realm": "z"}),
            ),
        ),
        ('Bearer realm="first",realm="second"', (Challenge("bearer", {"realm": "first"}),)),
        ('Bearer realm="open', (Challenge("bearer"),)),
        ('realm="no scheme"', ()),
        ("Basic " + "a" * 9000, ()),
    ],
)
def test_challenges(header: str, expected: tuple[Challenge, ...]) -> None:
    found = parse_challenges(header)
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


@given(st.text(alphabet='Bearer basic="\\, \t', max_size=200) | st.text(max_size=200))
def test_any_header_is_read_to_its_end(header: str) -> None:
    choose_challenge(parse_challenges(header))


def test_a_token_is_preferred_to_a_password() -> None:
    chosen = choose_challenge(parse_challenges('Digest a=b, Basic realm="x", Bearer realm="y"'))
    assert chosen == Challenge("bearer", {"realm": "y"})
    assert choose_challenge(parse_challenges("Bearer service=x, Digest a=b")) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 40}, 999999999.0),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        (
            {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT", "Date": "Fri, 31 Dec 1999 23:59:29 GMT"},
            30.0,
        ),
        (
            {"Retry-After": "Fri, 31 Dec 1999 23:59:29 GMT", "Date": "Fri, 31 Dec 1999 23:59:59 GMT"},
            0.0,
        ),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:29 -0000", "Date": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(headers) == expected


ENVIRON = {
    "http_proxy": "http://lower:3128",
    "HTTP_PROXY": "http://upper:3128",
    "HTTPS_PROXY": "proxy:3129",
    "NO_PROXY": "internal.example, .corp,10.0.0.0/8 ,fd00::/8,r.example:5000",
}


@pytest.mark.parametrize(
    ("scheme", "host", "port", "expected"),
    [
        ("http", "r.org", 80, "http://lower:3128"),
        ("https", "r.org", 443, "http://proxy:3129"),
        ("https", "internal.example", 443, None),
        ("https", "a.internal.example", 443, None),
        ("https", "notinternal.example", 443, "http://proxy:3129"),
        ("https", "a.corp", 443, None),
        ("https", "10.1.2.3", 443, None),
        ("https", "11.1.2.3", 443, "http://proxy:3129"),
        ("https", "[fd00::1]", 443, None),
        ("https", "r.example", 5000, None),
        ("https", "r.example", 443, "http://proxy:3129"),
        ("http", "localhost", 80, None),
        ("http", "127.0.0.1", 80, None),
        ("http", "[::1]", 80, None),
    ],
)
def test_proxies(scheme: str, host: str, port: int, expected: str | None) -> None:
    assert Proxies.from_environment(ENVIRON).proxy_for(scheme, host, port) == expected


def test_a_star_bypasses_every_proxy() -> None:
    assert Proxies(https="http://p:1", bypass=("*",)).proxy_for("https", "r.org", 443) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"token": "a"}', ("a", 50.0)),
        (b'{"access_token": "b", "expires_in": 300}', ("b", 290.0)),
        (b'{"token": "a", "expires_in": 1e300}', ("a", 3590.0)),
        (b'{"token": "a", "expires_in": NaN}', ("a", 0.0)),
        (b'{"token": "a", "expires_in": -5}', ("a", 0.0)),
        (b'{"token": "a", "expires_in": 5}', ("a", 0.0)),
    ],
)
def test_tokens_serve_until_shortly_before_they_expire(raw: bytes, expected: tuple[str, float]) -> None:
    assert read_token(raw) == expected

from __future__ import annotations

import ipaddress
import json

import pytest

from tests.fakes.history import FakeHistory
from tests.support.fleet_story import NEW
from tests.support.page_client import a_history, a_page
from tidegate_fleet.web.doors.attempts import Attempts
from tidegate_fleet.web.doors.header_door import HeaderDoor
from tidegate_fleet.web.doors.session import LASTS
from tidegate_fleet.web.doors.token_door import TokenDoor
from tidegate_fleet.web.listening import Listen
from tidegate_fleet.web.serving import check
from tidegate_schemas.codes import Code, TidegateError

TOKEN = "correct-horse-battery-staple-0123456789"
EVERY_PATH = (
    "/",
    "/hosts",
    "/hosts/till-00001",
    "/releases",
    f"/releases/os/stable/{NEW}",
    "/static/page.css",
    "/static/nothing",
    "/healthz",
    "/login",
    "/api/v1/summary",
    "/api/v1/openapi.json",
    "/nothing",
)
PAGE = a_page(a_history(20))
EMPTY = FakeHistory()


@pytest.mark.parametrize("path", EVERY_PATH)
def test_every_answer_has_strict_headers(path: str) -> None:
    headers = PAGE.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert ("no-store" in headers["cache-control"]) is (path != "/static/page.css")


@pytest.mark.parametrize("path", ["/", "/api/v1/summary", "/api/v1/hosts", "/nothing", "/login", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_nothing_but_looking_is_possible(path: str, method: str) -> None:
    answer = PAGE.ask(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, Code.PAGE_METHOD)
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/", "/api/v1/summary", f"/api/v1/releases/os/stable/{NEW}/passages"])
def test_head_is_get_without_a_body(path: str) -> None:
    head, get = PAGE.ask("HEAD", path), PAGE.get(path)
    assert head.content == b""
    assert get.content
    assert head.status_code == get.status_code == 200
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("10.1.2.3", 200),
        ("localhost:8080", 200),
        ("Fleet.Example", 200),
        ("fleet.example.:8080", 200),
        ("evil.example", 421),
        ("fleet.example.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example#127.0.0.1", 421),
        ("", 421),
    ],
)
def test_only_our_names_are_answered_for(name: str, status: int) -> None:
    page = a_page(EMPTY, names=frozenset({"fleet.example"}))
    assert page.get("/api/v1/summary", headers={"Host": name}).status_code == status


def test_two_hosts_in_one_request_are_none() -> None:
    answer = PAGE.get("/", headers=[("Host", "127.0.0.1"), ("Host", "evil.example")])
    assert (answer.status_code, answer.json()["code"]) == (421, Code.PAGE_NAME)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_token_opens_the_api_and_nothing_else_does() -> None:
    page = a_page(EMPTY, TokenDoor(TOKEN))
    assert page.get("/api/v1/summary", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    for wrong in (
        "",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer \udcff",
    ):
        headers = {"Authorization": wrong.encode("utf-8", "surrogateescape")} if wrong else {}
        answer = page.get("/api/v1/summary", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, Code.PAGE_LOGIN)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    twice = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    assert page.get("/api/v1/summary", headers=twice).status_code == 401


@pytest.mark.parametrize("path", ["/", "/hosts", "/nothing", "/metrics", "/api/v1/openapi.json", "/loginx"])
def test_without_login_there_is_nothing_but_the_form(path: str) -> None:
    page = a_page(a_history(5), TokenDoor(TOKEN))
    answer = page.get(path)
    assert answer.status_code in {303, 401}
    assert "till-" not in answer.text
    assert page.get("/healthz").status_code == 200
    assert page.get("/login").status_code == 200


def test_a_browser_logs_in_by_the_form_and_out_again() -> None:
    page = a_page(EMPTY, TokenDoor(TOKEN))
    asked = page.get("/hosts?text=a%26b")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fhosts%3Ftext%3Da%2526b")
    entered = page.ask("POST", "/login", data={"token": TOKEN, "next": "/hosts?text=a%26b"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/hosts?text=a%26b")
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    pair = cookie.partition(";")[0]
    shown = page.get("/hosts", headers={"Cookie": f"other=1; {pair}"})
    assert shown.status_code == 200
    assert "Log out" in shown.text
    left = page.ask("POST", "/logout", headers={"Cookie": pair})
    assert "Max-Age=0" in left.headers["set-cookie"]


def test_behind_tls_the_cookie_is_of_this_host_alone() -> None:
    page = a_page(EMPTY, TokenDoor(TOKEN))
    entered = page.ask("POST", "/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    assert entered.headers["set-cookie"].startswith("__Host-tidegate=")
    assert "Secure" in entered.headers["set-cookie"]
    pair = entered.headers["set-cookie"].partition(";")[0]
    assert page.get("/", headers={"Cookie": pair}).status_code == 200


@pytest.mark.parametrize(
    "going",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nb"],
)
def test_after_the_login_one_stays_on_this_site(going: str) -> None:
    page = a_page(EMPTY, TokenDoor(TOKEN))
    assert page.ask("POST", "/login", data={"token": TOKEN, "next": going}).headers["location"] == "/"


def test_no_forged_old_or_foreign_cookie_opens() -> None:
    page, other = a_page(EMPTY, TokenDoor(TOKEN)), a_page(EMPTY, TokenDoor(TOKEN[::-1]))
    pair = page.ask("POST", "/login", data={"token": TOKEN}).headers["set-cookie"].partition(";")[0]
    name, _, value = pair.partition("=")
    ends, nonce, seal = value.split(".")
    forged = (
        f"{int(ends) + 9}.{nonce}.{seal}",
        f"{ends}.{nonce}.",
        "",
        "...",
        f"{ends}.{nonce}.{seal}é",
        "9" * 4000,
    )
    for bad in forged:
        answer = page.get("/api/v1/summary", headers={"Cookie": f"{name}={bad}".encode()})
        assert answer.status_code == 401, bad
    assert other.get("/api/v1/summary", headers={"Cookie": pair}).status_code == 401


def test_whoever_guesses_has_to_wait_and_nobody_else() -> None:
    clock = Clock()
    page = a_page(EMPTY, TokenDoor(TOKEN, Attempts(clock, most=3, pace_s=10)))
    pair = page.ask("POST", "/login", data={"token": TOKEN}).headers["set-cookie"].partition(";")[0]
    wrong, right = ({"Authorization": f"Bearer {word}"} for word in ("x" * 40, TOKEN))
    codes = [page.get("/api/v1/summary", headers=wrong).status_code for _ in range(5)]
    assert codes == [401, 401, 401, 429, 429]
    refused = page.get("/api/v1/summary", headers=wrong)
    assert (refused.json()["code"], refused.headers["retry-after"]) == (Code.PAGE_ATTEMPTS, "10")
    assert page.ask("POST", "/login", data={"token": "x" * 40}).status_code == 429
    # Behind one proxy all have one address: who knows the token is not kept out by who does not.
    assert page.get("/api/v1/summary", headers=right).status_code == 200
    assert page.ask("POST", "/login", data={"token": TOKEN}).status_code == 303
    assert page.get("/api/v1/summary", headers={"Cookie": pair}).status_code == 200
    page.peer = "10.0.0.9"
    assert page.get("/api/v1/summary", headers=right).status_code == 200
    page.peer = "127.0.0.1"
    clock.now += 10
    assert page.get("/api/v1/summary", headers=right).status_code == 200


def test_a_form_from_another_site_or_of_endless_length_is_refused() -> None:
    page = a_page(EMPTY, TokenDoor(TOKEN))
    foreign = page.ask("POST", "/login", data={"token": TOKEN}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 401
    assert "set-cookie" not in foreign.headers
    # Browsers that do not know Sec-Fetch-Site.
    older = page.ask("POST", "/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert older.status_code == 401
    for own in (f"http://{page.name}", "null"):
        assert page.ask("POST", "/login", data={"token": TOKEN}, headers={"Origin": own}).status_code == 303
    long = page.ask("POST", "/login", data={"token": TOKEN, "next": "/" + "x" * 5000})
    assert long.status_code == 400


def test_a_proxy_is_believed_and_nobody_else() -> None:
    page = a_page(a_history(5), HeaderDoor("X-Remote-User", [ipaddress.ip_network("10.0.0.0/24")]))
    page.peer = "10.0.0.7"
    shown = page.get("/", headers={"X-Remote-User": "ann <b>"})
    assert shown.status_code == 200
    assert "ann &lt;b&gt;" in shown.text
    for headers in ([], [("X-Remote-User", " ")], [("X-Remote-User", "ann"), ("x-remote-user", "root")]):
        assert page.get("/", headers=headers).status_code == 401
    for peer in ("10.0.1.7", "127.0.0.1", "::ffff:10.0.1.7"):
        page.peer = peer
        answer = page.get("/api/v1/summary", headers={"X-Remote-User": "ann", "X-Forwarded-For": "10.0.0.7"})
        assert (answer.status_code, answer.json()["code"]) == (401, Code.PAGE_LOGIN)
    page.peer = "::ffff:10.0.0.7"
    assert page.get("/", headers={"X-Remote-User": "ann"}).status_code == 200


@pytest.mark.parametrize("header", ["", "X Remote", "Host", "cookie", "X-User\r\nX", "X" * 65])
def test_a_header_that_could_name_nobody_is_refused(header: str) -> None:
    with pytest.raises(TidegateError) as caught:
        HeaderDoor(header)
    assert caught.value.code is Code.PAGE_UNSAFE


@pytest.mark.parametrize(
    ("listen", "proxies", "safe"),
    [
        ("127.0.0.1:80", [], True),
        ("[::1]:80", [], True),
        ("unix:/run/page.sock", [], True),
        ("10.0.0.5:80", ["10.0.0.2/32"], True),
        ("10.0.0.5:80", [], False),
        ("0.0.0.0:80", [], False),
        ("[::]:80", [], False),
    ],
)
def test_where_anybody_could_name_himself_a_user_it_does_not_start(
    listen: str, proxies: list[str], *, safe: bool
) -> None:
    door = HeaderDoor("X-Remote-User", map(ipaddress.ip_network, proxies))
    if safe:
        check(Listen.read(listen), door)
        return
    with pytest.raises(TidegateError, match="no trusted proxy") as caught:
        check(Listen.read(listen), door)
    assert caught.value.code is Code.PAGE_UNSAFE


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("", "127.0.0.1:8080"),
        ("8080", "127.0.0.1:8080"),
        (":9090", "127.0.0.1:9090"),
        ("host:80", "127.0.0.1:80"),
        ("127.0.0.1:99999", "127.0.0.1:8080"),
        ("unix:relative", "127.0.0.1:8080"),
        ("[::1:80", "127.0.0.1:80"),
        ("1.2.3:80", "127.0.0.1:80"),
    ],
)
def test_an_address_that_cannot_be_is_a_wrong_setting_and_one_that_can_is_named(
    text: str, instead: str
) -> None:
    with pytest.raises(TidegateError) as caught:
        Listen.read(text)
    assert caught.value.code is Code.CONFIG_VALUE
    assert f"write {instead}, or unix:/PATH" in caught.value.reason


def test_the_health_check_tells_nothing_of_the_fleet() -> None:
    assert set(json.loads(PAGE.get("/healthz").content)) == {"status", "version"}


def test_a_live_view_ends_with_the_session() -> None:
    clock = Clock()
    page = a_page(a_history(3), TokenDoor(TOKEN, clock=clock))
    pair = page.ask("POST", "/login", data={"token": TOKEN}).headers["set-cookie"].partition(";")[0]
    clock.now += LASTS.total_seconds() - 0.2
    answer = page.get("/api/v1/live", headers={"Cookie": pair}, timeout=60)
    assert answer.status_code == 200, "it ends by itself, or this would not return"
    assert answer.text.startswith("retry:")

"""The page, clicked through as people do, on a desktop and on a phone."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

import pytest
from playwright.sync_api import expect

from tests.support.fleet_story import KEY, NOW, Story, an_update
from tests.support.page_client import a_history
from tests.support.page_store import fill_store
from tidegate_fleet.history import HostQuery
from tidegate_fleet.standing import Phase
from tidegate_fleet.store.connect import open_store
from tidegate_fleet.store.reader import StoredHistory
from tidegate_fleet.web.app import create_app
from tidegate_fleet.web.doors.open_door import OpenDoor
from tidegate_fleet.web.doors.token_door import TokenDoor
from tidegate_fleet.web.listening import Listen
from tidegate_fleet.web.serving import serve
from tidegate_fleet.web.site import Site
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.fakes.history import FakeHistory
    from tests.support.browsing import Browsing
    from tidegate_fleet.history import History
    from tidegate_fleet.web.doors.door import Door

pytestmark = pytest.mark.real("chromium")

TOKEN: Final = "correct-horse-battery-staple-0123456789"
RELEASE: Final = f"/releases/os/stable/{KEY.digest}"
HOSTILE: Final = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe \x1b[31m\x9b2J \u2066mark\u0301\u0301\u0301\u0301\u0301\u0301",
    "w" * 4000,
)
WIDTHS = ("phone", "desktop")


@contextlib.contextmanager
def serving(history: History, login: Door | None = None) -> Iterator[str]:
    site = Site(title="tills", pace_s=0.1, now=lambda: NOW)
    with serve(
        create_app(history, login=login or OpenDoor(), site=site), Listen.read("127.0.0.1:0")
    ) as served:
        yield served.address


@pytest.fixture(scope="module")
def history() -> FakeHistory:
    return a_history(400)


@pytest.fixture(scope="module")
def address(history: FakeHistory) -> Iterator[str]:
    with serving(history) as served:
        yield served


def is_live(page: Page) -> None:
    expect(page.locator("[data-pulse]")).to_have_text("Live", timeout=30_000)


@pytest.mark.parametrize(("width", "scheme"), [("phone", "dark"), ("desktop", "light")])
def test_every_page_fits_and_is_accessible(
    browsing: Browsing, address: str, history: FakeHistory, width: str, scheme: str
) -> None:
    failed = history.hosts(HostQuery(release=KEY, phase=Phase.FAILED))[0].name
    pages = {
        "fleet": "/",
        "releases": "/releases",
        "release": RELEASE,
        "hosts": "/hosts?label=site%3Dlyon&limit=20",
        "host": f"/hosts/{failed}",
    }
    page = browsing.page(width, color_scheme=scheme)
    for name, path in pages.items():
        page.goto(address + path)
        expect(page.locator("h1")).to_be_visible()
        browsing.check_layout(page)
        browsing.check_accessible(page)
        browsing.shot(page, f"page-{name}-{width}-{scheme}", whole=name != "release")


@pytest.mark.parametrize("width", WIDTHS)
def test_from_the_fleet_to_the_reason_of_a_failure(browsing: Browsing, address: str, width: str) -> None:
    page = browsing.page(width)
    page.goto(address)
    page.get_by_role("region", name="Releases").get_by_role("link", name="os/stable 2.4.0").click()
    expect(page).to_have_url(address + RELEASE)
    failures = page.get_by_role("region", name="Failures").get_by_role("listitem")
    expect(failures.first).to_contain_text("What to do:")
    page.get_by_role("region", name="Progress").get_by_role("link", name=re.compile("failed$")).click()
    table = page.get_by_role("table", name="Hosts")
    expect(table.get_by_text("rolled back").first).to_be_visible()
    expect(table.get_by_text("succeeded")).to_have_count(0)
    table.get_by_role("link", name=re.compile("^till-")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^till-"))
    expect(page.get_by_role("region", name="Channels")).to_contain_text("What to do:")
    expect(page.get_by_role("region", name="History")).to_contain_text("Rolled back")
    expect(page.get_by_role("list", name="Durations").first).to_contain_text("staging")
    browsing.check_layout(page)


def test_hosts_are_filtered_and_leafed_through_with_the_keyboard(page: Page, address: str) -> None:
    page.goto(f"{address}/hosts")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.get_by_label("Label").last.focus()
    page.keyboard.type("ring=pilot")
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text("40 hosts")
    page.goto(f"{address}/hosts?limit=150")
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("rowheader").first).to_contain_text("till-00151")
    page.get_by_role("link", name="First page").click()
    expect(page.get_by_role("rowheader").first).to_contain_text("till-00001")


def test_a_page_changes_under_the_eyes_of_its_reader(browsing: Browsing) -> None:
    history = a_history(40)
    with serving(history) as address:
        fleet, release, host = (browsing.page() for _ in range(3))
        for page, path in ((fleet, "/"), (release, RELEASE), (host, "/hosts/till-99999")):
            if path.startswith("/hosts"):
                history.take(an_update("till-99999", Step.ACCEPTED, NOW), NOW)
            page.goto(address + path)
            is_live(page)
            page.evaluate("window.loadedOnce = true")
        before = release.locator("[data-say]").inner_text()
        release.get_by_label("Name").fill("till-000")
        reason = "the scanner burns"
        history.take(an_update("till-99999", Step.FAILED, NOW, code=Code.HEALTH_FAILED, reason=reason), NOW)
        expect(release.get_by_role("region", name="Failures")).to_contain_text(reason, timeout=30_000)
        expect(host.get_by_role("region", name="History")).to_contain_text(reason, timeout=30_000)
        expect(fleet.locator("dl.tiles a").first).to_have_text("41", timeout=30_000)
        assert release.locator("[data-say]").inner_text() != before
        expect(release.get_by_label("Name")).to_have_value("till-000")
        expect(release.get_by_role("status")).to_contain_text("failed")
        for page in (fleet, release, host):
            assert page.evaluate("window.loadedOnce") is True
        browsing.shot(release, "page-live")


def test_a_server_that_was_away_is_found_again(browsing: Browsing) -> None:
    history = a_history(5)
    for words in ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY", "ERR_CONNECTION_RESET"):
        browsing.forgive(words)
    page = browsing.page()
    with serving(history) as address:
        page.goto(address)
        is_live(page)
    expect(page.locator("[data-pulse]")).to_have_text("Paused", timeout=30_000)
    port = int(address.rpartition(":")[2])
    history.take(an_update("till-new", Step.ACCEPTED, NOW), NOW)
    with serve(create_app(history, login=OpenDoor(), site=Site(pace_s=0.1)), Listen("127.0.0.1", port)):
        is_live(page)
        expect(page.locator("dl.tiles a").first).to_have_text("6", timeout=30_000)
        page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_without_script_everything_can_be_read(browsing: Browsing, address: str, width: str) -> None:
    page = browsing.page(width, java_script_enabled=False)
    page.goto(address + RELEASE)
    expect(page.locator("time").first).to_have_text(re.compile(r"^[0-9-]{10}T[0-9:]{8}Z$"))
    expect(page.get_by_role("region", name="Waves").get_by_role("img")).to_have_count(3)
    page.get_by_role("region", name="Hosts").get_by_label("Phase").select_option("succeeded")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("table").get_by_text("succeeded").first).to_be_visible()
    browsing.shot(page, f"page-no-script-{width}", whole=False)


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_words_are_words(browsing: Browsing, width: str) -> None:
    history = a_history(3)
    for number, words in enumerate(HOSTILE):
        host = f"till-x{number}"
        more = {"details": {words[:200]: words}, "version": words[:200], "waiting_for": words[:200]}
        history.take(an_update(host, Step.WAITING, NOW, **more), NOW)
        history.take(an_update(host, Step.FAILED, NOW, code=Code.STAGE_FAILED, reason=words), NOW)
    with serving(history) as address:
        page = browsing.page(width)
        for path in ("/", "/hosts", RELEASE, *(f"/hosts/till-x{number}" for number in range(len(HOSTILE)))):
            page.goto(address + path)
            assert "owned" not in page.title()
            text = page.locator("main").inner_text()
            assert all(letter.isprintable() or letter in "\n\t" for letter in text)
            assert "49" not in page.locator("blockquote").all_inner_texts()
            browsing.check_layout(page)
        page.goto(f"{address}/hosts/till-x0")
        expect(page.get_by_role("region", name="History")).to_contain_text(HOSTILE[0])
        browsing.shot(page, f"page-hostile-{width}")


def test_people_log_in_and_out(browsing: Browsing) -> None:
    browsing.forgive("401")
    with serving(a_history(5), TokenDoor(TOKEN)) as address:
        page = browsing.page("phone")
        page.goto(f"{address}/hosts?text=till-00003")
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()
        browsing.check_accessible(page)
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        browsing.shot(page, "page-login-phone")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{address}/hosts?text=till-00003")
        expect(page.get_by_role("rowheader")).to_have_count(1)
        assert page.evaluate("document.cookie") == ""
        page.goto(address)
        is_live(page)
        page.get_by_role("button", name="Log out").click()
        page.goto(address)
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()


@pytest.mark.timeout(900)
def test_fifty_thousand_hosts_are_shown_out_of_a_database(
    browsing: Browsing, tmp_path_factory: pytest.TempPathFactory
) -> None:
    url = fill_store(tmp_path_factory.mktemp("large") / "fleet.db", Story(50_000, events=False).tell())
    with open_store(url, make=False) as store, serving(StoredHistory(store)) as address:
        page = browsing.page("phone")
        for path in ("/", RELEASE, "/hosts?after=till-40000", "/hosts/till-50000"):
            page.goto(address + path)
            browsing.check_layout(page)
        page.goto(address)
        is_live(page)
        expect(page.locator("dl.tiles a").first).to_have_text("50,000")
        browsing.shot(page, "page-large-phone")
        page.goto(f"{address}{RELEASE}?phase=failed&text=777")
        expect(page.get_by_role("rowheader").first).to_contain_text("777")

"""The report in a browser: as a file, at both widths, in the dark, on paper, and with a large fleet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.reporting import KEY, NOW, STORY, MadeHistory, a_fleet, a_passage, a_record, releases
from tidegate_fleet.report.gathering import Terms, gather
from tidegate_fleet.report.overview import gather_overview
from tidegate_fleet.report.page import render, render_overview
from tidegate_fleet.report.selection import Wanted, select
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.browsing import Browsing

pytestmark = pytest.mark.real("chromium")

HOSTS = 50_000
A4_PX = (210 - 30) / 25.4 * 96, (297 - 34) / 25.4 * 96
"""What the page's own margins leave of a sheet, in CSS pixels."""

_ASKED = "performance.getEntriesByType('resource').map(each => each.name)"
_SHOWN = """() => [...document.querySelectorAll('svg.plot')].filter(one => one.checkVisibility()).map(
each => {
  const box = each.getBoundingClientRect();
  const small = [...each.querySelectorAll('text')].map(text => text.getBoundingClientRect().height);
  return {width: box.width, height: box.height, letters: Math.min(...small), kind: each.classList[1]};
})"""
_OUTSIDE = """() => [...document.querySelectorAll('svg.plot')].flatMap(each => {
  if (!each.checkVisibility()) return [];
  const frame = each.getBoundingClientRect();
  return [...each.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }).map(text => text.textContent);
})"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on HOSTS hosts, as a file."""
    history = a_fleet(HOSTS)
    text = render(gather(history, *select(history, ("os", "stable"), Wanted()), Terms(NOW)))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(text, encoding="utf-8")
    assert file.stat().st_size < 2_000_000
    return file


@pytest.mark.parametrize(("width", "kind"), [("desktop", "wide"), ("phone", "narrow")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_at_every_width_by_day_and_by_night(
    browsing: Browsing, report: Path, width: str, kind: str, scheme: str
) -> None:
    page = browsing.page(width, color_scheme=scheme)
    page.goto(report.as_uri())
    assert page.title() == "os/stable 2.0: release report"
    plots = page.evaluate(_SHOWN)
    assert [plot["kind"] for plot in plots] == [kind] * 3
    assert min(plot["letters"] for plot in plots) >= 9
    assert page.evaluate(_OUTSIDE) == []
    assert page.evaluate(_ASKED) == []
    browsing.shot(page, f"report-{width}-{scheme}")
    browsing.check_layout(page)
    browsing.check_accessible(page)


def test_plots_take_the_colours_of_the_page(browsing: Browsing, report: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = browsing.page("desktop", color_scheme=scheme)
        page.goto(report.as_uri())
        line = page.locator("svg.plot.wide .line-good").first
        colours.append(line.evaluate("each => getComputedStyle(each).stroke"))
    assert colours == ["rgb(23, 112, 138)", "rgb(88, 185, 211)"]


def test_hosts_are_found_by_opening_a_failure_with_the_keyboard(report: Path, page: Page) -> None:
    page.goto(report.as_uri())
    summary = page.locator("article", has_text="health.failed").locator("summary")
    table = page.get_by_role("region", name="Hosts that failed with health.failed")
    assert not table.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    assert table.is_visible()
    assert table.locator("tbody tr").count() == 12
    assert "more are not shown" in page.locator("article", has_text="health.failed").inner_text()


def test_it_prints_on_a4_with_nothing_cut(browsing: Browsing, pictures: Path, report: Path) -> None:
    page = browsing.page("desktop")
    page.goto(report.as_uri())
    path = pictures / "report.pdf"
    page.pdf(path=path, prefer_css_page_size=True)
    sheets = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", path.read_bytes())
    assert 3 <= len(sheets) <= 9
    assert {(round(float(width)), round(float(height))) for width, height in sheets} <= {
        (595, 842),
        (596, 842),
    }
    page.emulate_media(media="print")
    page.set_viewport_size({"width": int(A4_PX[0]), "height": int(A4_PX[1])})
    plots = page.evaluate(_SHOWN)
    assert [plot["kind"] for plot in plots] == ["wide"] * 3
    assert all(plot["height"] < A4_PX[1] * 0.6 for plot in plots)
    assert page.evaluate(_OUTSIDE) == []
    browsing.check_layout(page)
    assert page.get_by_role("region", name="Hosts that failed with health.failed").is_visible()


def test_hostile_words_neither_run_nor_break_the_page(browsing: Browsing, tmp_path: Path) -> None:
    words = [
        "<script>document.title='x'</script>",
        "<img src=http://example.invalid/x onerror=alert(1)>",
        "W" * 4000,
        "\u202e\u2067 txet \x1b[2J",
        "</style><style>*{display:none}</style>",
    ]
    passages = [
        a_passage(f"h{place}", Step.FAILED, 60 + place, code=list(Code)[place], reason=text)
        for place, text in enumerate(words)
    ]
    record = a_record(passages)
    history = MadeHistory({KEY: lambda: passages}, [record], {KEY: STORY})
    file = tmp_path / "hostile.html"
    file.write_text(render(gather(history, record, None, Terms(NOW)), words[0]), encoding="utf-8")
    for width in ("desktop", "phone"):
        page = browsing.page(width)
        page.goto(file.as_uri())
        assert page.title() == f"{words[0]}: release report"
        assert page.locator("script").count() == 0
        assert page.locator("h2").first.is_visible()
        page.locator("summary").first.click()
        browsing.check_layout(page)
        browsing.check_accessible(page)
        browsing.shot(page, f"report-hostile-{width}")


def test_the_last_releases_are_readable_too(browsing: Browsing, tmp_path: Path) -> None:
    file = tmp_path / "releases.html"
    file.write_text(render_overview(gather_overview(releases(8), ("os", "stable"), 8, Terms(NOW))), "utf-8")
    for width, kind in (("desktop", "wide"), ("phone", "narrow")):
        page = browsing.page(width)
        page.goto(file.as_uri())
        assert [plot["kind"] for plot in page.evaluate(_SHOWN)] == [kind] * 2
        assert page.evaluate(_OUTSIDE) == []
        browsing.check_layout(page)
        browsing.check_accessible(page)
        browsing.shot(page, f"releases-{width}")

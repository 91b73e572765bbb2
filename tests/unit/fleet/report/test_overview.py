"""The last releases beside each other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.outline import outline
from tests.support.reporting import NOW, MadeHistory, releases
from tidegate_fleet.report.document import plain
from tidegate_fleet.report.gathering import Terms
from tidegate_fleet.report.markdown import overview_summary
from tidegate_fleet.report.overview import gather_overview
from tidegate_fleet.report.page import render_overview
from tidegate_schemas.codes import Code, TidegateError

CHANNEL = ("os", "stable")


def test_the_last_releases_come_with_the_newest_first() -> None:
    found = gather_overview(releases(5), CHANNEL, 3, Terms(NOW))
    assert [release.version for release in found.releases] == ["2.5", "2.4", "2.3"]
    for release in found.releases:
        assert release.hosts == 200
        assert release.success is not None
        assert 0 <= release.success.least <= release.success.median <= release.success.most
        assert release.success.count == release.succeeded


def test_a_channel_without_releases_is_refused() -> None:
    with pytest.raises(TidegateError) as caught:
        gather_overview(MadeHistory({}, []), CHANNEL, 3, Terms(NOW))
    assert caught.value.code is Code.REPORT_NO_RELEASE


def test_the_page_shows_times_and_shares_and_a_row_for_each() -> None:
    overview = gather_overview(releases(4), CHANNEL, 10, Terms(NOW))
    page = render_overview(overview)
    found = outline(page)
    assert found.lines[:2] == ["title: os/stable: the last releases", "h1: os/stable"]
    assert [line for line in found.lines if line.startswith("h2")] == [
        "h2: Time to success",
        "h2: Failures",
        "h2: Figures",
        "h2: What this rests on",
    ]
    assert found.number_of("tr") == 5
    assert found.number_of("script") == 0
    ids = [given["id"] for _, given in found.tags if "id" in given]
    assert len(ids) == len(set(ids))


def test_a_release_that_nobody_took_has_a_row_too() -> None:
    history = releases(1, hosts=0)
    page = render_overview(gather_overview(history, CHANNEL, 10, Terms(NOW)), "<b>Ours</b>")
    assert "<b>Ours" not in page
    assert outline(page).number_of("tr") == 2


def test_versions_in_any_script_are_drawn_as_text() -> None:
    history = releases(1, hosts=3)
    history.records[0] = replace(history.records[0], version="发布 $x^2$ <b>\u202e")
    page = render_overview(gather_overview(history, CHANNEL, 1, Terms(NOW)))
    assert page.count("发布 $x^2$ &lt;b") >= 3
    assert "\u202e" not in page


def test_summary_and_document_have_a_row_for_each() -> None:
    overview = gather_overview(releases(3), CHANNEL, 3, Terms(NOW))
    lines = overview_summary(overview).splitlines()
    assert lines[0] == "## `os/stable`: the last releases"
    assert [line.split("|")[1].strip() for line in lines[4:]] == ["`2.3`", "`2.2`", "`2.1`"]
    told = json.loads(json.dumps(plain(overview)))
    assert [one["version"] for one in told["releases"]] == ["2.3", "2.2", "2.1"]

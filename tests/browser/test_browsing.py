"""The watching itself: a test that passes must mean that nothing went wrong on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browsing import Browsing

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.real("chromium")

VIEW = "<meta name=viewport content='width=device-width'>"
HEAD = f"<!doctype html><html lang=en>{VIEW}<title>t</title><main><h1>t</h1>"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>throw new Error('thrown')</script>", "script: thrown"),
        ("<img alt='' src='http://example.invalid/x.png'>", "asked for: http://example.invalid/x.png"),
        ("<img alt='' src='missing.png'>", "failed: file:///"),
    ],
)
def test_whatever_goes_wrong_on_a_page_fails_the_test(
    browser: Browser, tmp_path: Path, body: str, fault: str
) -> None:
    browsing = Browsing(browser, tmp_path)
    file = tmp_path / "page.html"
    file.write_text(HEAD + body, encoding="utf-8")
    browsing.page().goto(file.as_uri(), wait_until="networkidle")
    with pytest.raises(AssertionError, match=fault):
        browsing.close()


def test_a_fault_that_the_test_brings_about_may_be_forgiven(browser: Browser, tmp_path: Path) -> None:
    browsing = Browsing(browser, tmp_path)
    browsing.forgive("on purpose")
    page = browsing.page()
    page.set_content(HEAD + "<script>console.error('on purpose')</script>")
    assert browsing.faults == ["console: on purpose"]
    browsing.close()


def test_bad_contrast_and_a_page_that_is_too_wide_are_found(browsing: Browsing) -> None:
    page = browsing.page("phone")
    page.set_content(HEAD + "<p style='color:#aaa;width:900px'>pale</p>")
    with pytest.raises(AssertionError, match="color-contrast"):
        browsing.check_accessible(page)
    with pytest.raises(AssertionError, match="pale"):
        browsing.check_layout(page)
    assert browsing.shot(page, "pale").stat().st_size > 0

"""A browser for tests: watched pages that forgive nothing, screenshots, and axe for accessibility.

It is Debian's Chromium, driven by Playwright. Nothing it asks for leaves this machine.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

_ARGUMENTS: Final = (
    "--no-sandbox",  # tests run as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    # Whatever it might want to look up after all does not exist.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_OWN_SCHEMES: Final = frozenset({"about", "blob", "data", "file"})
_PATIENCE_MS: Final = 30_000.0

WIDTHS: Final[dict[str, dict[str, Any]]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
    "desktop": {"viewport": {"width": 1440, "height": 900}},
}
"""The two ways in which pages are looked at: what Playwright's `new_context` takes."""

_WIDER: Final = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")]
    .filter(each => each.getBoundingClientRect().right > wide + 1)
    .map(each => each.outerHTML.slice(0, 120));
}"""


@contextlib.contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A running browser without a window.

    While it runs this thread cannot `asyncio.run`: Playwright's own loop is on it.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Browsing:
    """The pages of one test. Whatever goes wrong on one of them is a fault, and faults fail the test.

    Attributes:
        browser: where they open.
        pictures: the folder for screenshots.
        faults: what went wrong so far.
    """

    browser: Browser
    pictures: Path
    faults: list[str] = field(default_factory=list)
    _forgiven: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, width: str = "desktop", **options: Any) -> Page:
        """A page of its own context: no cookies, nothing cached.

        Args:
            width: one of WIDTHS.
            options: more for `new_context`: color_scheme, java_script_enabled, extra_http_headers…
        """
        context = self.browser.new_context(**{**WIDTHS[width], "reduced_motion": "reduce", **options})
        context.set_default_timeout(_PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        self._watch(page)
        return page

    def forgive(self, words: str) -> None:
        """Let faults pass that contain these words, because the test brings them about."""
        self._forgiven.append(words)

    def shot(self, page: Page, name: str, *, whole: bool = True) -> Path:
        """Keep a picture of the page; of all its height, unless `whole` is False."""
        path = self.pictures / f"{name}.png"
        page.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def check_layout(self, page: Page) -> None:
        """Fail when the page can be scrolled sideways; name what sticks out."""
        sticking_out = page.evaluate(_WIDER)
        assert not sticking_out, f"wider than the window: {sticking_out}"

    def check_accessible(self, page: Page) -> None:
        """Fail when axe finds anything serious or critical; contrast that is too low is."""
        found = Axe().run(page).response["violations"]
        bad = [
            f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
        assert not bad, "\n".join(bad)

    def close(self) -> None:
        """Close the pages; fail the test if anything went wrong on them."""
        for context in self._contexts:
            with contextlib.suppress(Error):
                context.close()
        unforgiven = [fault for fault in self.faults if not any(word in fault for word in self._forgiven)]
        assert not unforgiven, "\n".join(unforgiven)

    def _watch(self, page: Page) -> None:
        page.on("console", lambda said: self._fault("console", said.text, said.type in {"error", "warning"}))
        page.on("pageerror", lambda error: self._fault("script", str(error)))
        page.on("request", lambda asked: self._fault("asked for", asked.url, not _is_ours(asked.url)))
        # A page that is left lets its requests go, and such an end is no fault.
        page.on(
            "requestfailed",
            lambda asked: self._fault(
                "failed", f"{asked.url}: {asked.failure}", asked.failure != "net::ERR_ABORTED"
            ),
        )
        page.on("response", lambda got: self._fault("answered", f"{got.status} {got.url}", got.status >= 400))

    def _fault(self, kind: str, words: str, happened: bool = True) -> None:  # noqa: FBT001, FBT002 - short above
        if happened:
            self.faults.append(f"{kind}: {words}")


def _is_ours(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in _OWN_SCHEMES or parts.hostname == "127.0.0.1"

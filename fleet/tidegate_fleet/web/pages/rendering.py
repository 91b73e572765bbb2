"""Templates, and the files that go with them. Whatever a template prints is escaped and harmless."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from tidegate_fleet import phrases
from tidegate_fleet.standing import Phase
from tidegate_fleet.web.doors.door import READER
from tidegate_fleet.web.pages import drawing, words

if TYPE_CHECKING:
    from fastapi import Request

    from tidegate_fleet.web.site import Site

_TYPES: Final = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Renderer:
    """Makes pages.

    Args:
        site: its title and clock.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        folder = resources.files("tidegate_fleet.web") / "static"
        self._files = {name: (folder / name).read_bytes() for name in _TYPES}
        self._environment = _environment()
        self._environment.globals["static"] = {
            name: f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
            for name, content in self._files.items()
        }
        self._environment.globals["site"] = site

    def page(self, request: Request, template: str, status: int = 200, **content: Any) -> Response:  # noqa: ANN401 -- whatever the template shows
        """A page, for who reads it."""
        said = {"reader": request.scope.get(READER), "path": request.url.path, "now": self._site.now()}
        html = self._environment.get_template(template).render({**said, **content})
        return HTMLResponse(html, status)

    def file(self, name: str) -> Response | None:
        """A file; its address has its fingerprint, so that it need not be asked for again."""
        if name not in self._files:
            return None
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(self._files[name], media_type=_TYPES[name], headers=headers)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tidegate_fleet.web", "templates"),
        autoescape=True,
        finalize=words.shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        label=words.label,
        number=phrases.count,
        percent=phrases.percent,
        short=words.short,
        span=words.span,
        when=words.when,
    )
    environment.globals.update(Phase=Phase, phases=drawing.ORDER, segments=drawing.segments)
    return environment

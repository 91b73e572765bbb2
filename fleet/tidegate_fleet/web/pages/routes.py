"""Every address that people go to."""
# ruff: noqa: TC001 -- FastAPI reads the annotations of routes

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from tidegate_fleet.history import ReleaseKey
from tidegate_fleet.web.answers.hosts import standings
from tidegate_fleet.web.api.paths import ChannelName, HostName, ImageDigest, Product
from tidegate_fleet.web.api.queries import HostFilter
from tidegate_fleet.web.api.routes import Number
from tidegate_fleet.web.doors.token_door import TokenDoor
from tidegate_fleet.web.guard import caller_of
from tidegate_fleet.web.pages.drawing import chart
from tidegate_fleet.web.pages.rendering import Renderer
from tidegate_fleet.web.pages.visits import visits
from tidegate_fleet.web.problems import PageError, headers_of, problem_response, status_of
from tidegate_schemas.codes import REGISTRY, Code, TidegateError

if TYPE_CHECKING:
    from tidegate_fleet.web.doors.door import Door
    from tidegate_fleet.web.reading import Reading
    from tidegate_fleet.web.site import Site

_EVENTS: Final = 100
_LATEST: Final = 8
_FORM: Final = 4096
_OWN_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1000}")

Filter = Annotated[HostFilter, Query()]


class Pages:
    """The pages over a history.

    Args:
        reading: what is asked.
        site: title and clock.
        door: its form, if it has one.
    """

    def __init__(self, reading: Reading, site: Site, door: Door) -> None:
        self._reading = reading
        self._site = site
        self._door = door if isinstance(door, TokenDoor) else None
        self._renderer = Renderer(site)

    def router(self) -> APIRouter:
        """All pages; none of them is part of the API."""
        pages = APIRouter(include_in_schema=False)
        pages.add_api_route("/", self.fleet)
        pages.add_api_route("/hosts", self.hosts)
        pages.add_api_route("/hosts/{name}", self.host)
        pages.add_api_route("/releases", self.releases)
        pages.add_api_route("/releases/{product}/{channel}/{digest}", self.release)
        pages.add_api_route("/static/{name}", self.static)
        if self._door is not None:
            pages.add_api_route("/login", self.login_form)
            pages.add_api_route("/login", self.login, methods=["POST"])
            pages.add_api_route("/logout", self.logout, methods=["POST"])
        return pages

    def fleet(self, request: Request) -> Response:
        """The fleet as a whole."""
        summary = self._reading.summary()
        releases = self._reading.releases()
        return self._renderer.page(
            request, "fleet.html", summary=summary, releases=releases.items[:_LATEST], live="/api/v1/live"
        )

    def releases(self, request: Request) -> Response:
        """All releases."""
        releases = self._reading.releases().items
        return self._renderer.page(request, "releases.html", releases=releases, live="/api/v1/live")

    def hosts(self, request: Request, asked: Filter) -> Response:
        """Hosts, filtered."""
        return self._renderer.page(request, "hosts.html", live=None, **self._found(asked, "/hosts"))

    def host(self, request: Request, name: HostName, before: Number | None = None) -> Response:
        """One host and what it told."""
        record = self._reading.host(name)
        events = self._reading.history.host_events(name, before, _EVENTS)
        return self._renderer.page(
            request,
            "host.html",
            host=record,
            standings={(one.product, one.channel): one for one in standings(record.standings)},
            visits=visits(events),
            registry=REGISTRY,
            older=f"?before={events[-1].number}" if len(events) == _EVENTS else None,
            live=f"/api/v1/live?{urlencode({'host': name})}" if before is None else None,
        )

    def release(
        self,
        request: Request,
        product: Product,
        channel: ChannelName,
        digest: ImageDigest,
        asked: Filter,
    ) -> Response:
        """One release."""
        key = ReleaseKey(product, channel, digest)
        whole = self._reading.release(key)
        path = f"/releases/{product}/{channel}/{digest}"
        asked = asked.model_copy(update={"release": path.removeprefix("/releases/")})
        counts = whole.release.counts
        return self._renderer.page(
            request,
            "release.html",
            whole=whole,
            counts=counts,
            total=sum(counts.values()),
            chart=chart(whole.adoption, sum(counts.values())),
            silent=self._reading.history.hosts(self._reading.silent_query(key)) if whole.silent else (),
            live=f"/api/v1/live?{urlencode({'channel': f'{product}/{channel}'})}",
            **self._found(asked, path, sum(counts.values())),
        )

    def static(self, name: str) -> Response:
        """Style, script and icon. Raises PageError(PAGE_MISSING)."""
        response = self._renderer.file(name)
        if response is None:
            raise PageError(Code.PAGE_MISSING, "there is no such file")
        return response

    def login_form(self, request: Request, next: str = "/") -> Response:  # noqa: A002 -- the parameter's name
        """Where people give the token."""
        return self._renderer.page(request, "login.html", going=_own(next), fault=None)

    async def login(self, request: Request) -> Response:
        """Take the token out of the form."""
        door = self._form_door(request)
        form = await _form(request)
        going = _own(form.get("next", "/"))
        try:
            cookie = door.enter(caller_of(request.scope), form.get("token", ""), secure=_is_secure(request))
        except PageError as error:
            page = self._renderer.page(
                request, "login.html", status_of(error), going=going, fault=error.reason
            )
            # A browser that is challenged would ask with a window of its own.
            page.headers.update({**headers_of(error), "WWW-Authenticate": "Form"})
            return page
        return RedirectResponse(going, 303, {"Set-Cookie": cookie})

    def logout(self, request: Request) -> Response:
        """End the session of this browser."""
        door = self._form_door(request)
        return RedirectResponse("/login", 303, {"Set-Cookie": door.leave(secure=_is_secure(request))})

    def refusal(self, request: Request, error: TidegateError) -> Response:
        """What cannot be answered: a document for programs, a page for people."""
        if request.url.path.startswith("/api/"):
            return problem_response(error)
        page = self._renderer.page(request, "refusal.html", status_of(error), error=error, live=None)
        page.headers.update(headers_of(error))
        return page

    def _found(self, asked: HostFilter, path: str, everybody: int | None = None) -> dict[str, Any]:
        """The hosts of a page; `everybody`: how many there are, if known, where nothing narrows them."""
        query = asked.query(self._site.now())
        narrowed = asked.pairs(release="", after="", limit="")
        records = self._reading.history.hosts(query)
        pairs = [pair for pair in asked.pairs() if path == "/hosts" or pair[0] != "release"]
        onward = [pair for pair in pairs if pair[0] != "after"]
        more = len(records) == query.limit
        return {
            "asked": asked,
            "records": records,
            "found": self._reading.history.count_hosts(query) if narrowed or everybody is None else everybody,
            "action": path,
            "first_page": f"{path}?{urlencode(onward)}" if asked.after else None,
            "next_page": f"{path}?{urlencode([*onward, ('after', records[-1].name)])}" if more else None,
        }

    def _form_door(self, request: Request) -> TokenDoor:
        """The door with the form. Raises PageError(PAGE_LOGIN): another site sent this."""
        if self._door is None:
            raise PageError(Code.PAGE_MISSING, "there is no form here")
        if not _is_own(request):
            raise PageError(Code.PAGE_LOGIN, "another site sent the form")
        return self._door


def _is_own(request: Request) -> bool:
    """Whether a form was sent by a page of ours, or by a program.

    Browsers that do not know Sec-Fetch-Site tell an Origin; `null` is what our own pages have in some of
    them, for they send no referrer.
    """
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if site is not None:
        return site in {"same-origin", "none"}
    return origin in {None, "null"} or urlsplit(origin).netloc == request.headers.get("host")


async def _form(request: Request) -> dict[str, str]:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > _FORM:
            raise PageError(Code.PAGE_QUERY, "the form is too long")
    fields = parse_qs(content.decode("latin-1"), max_num_fields=8)
    return {name: values[0] for name, values in fields.items()}


def _own(path: str) -> str:
    """An address on this site to go on to, whatever was asked for."""
    return path if _OWN_PATH.fullmatch(path) else "/"


def _is_secure(request: Request) -> bool:
    """Whether the browser came by TLS. A false word of that harms only the browser that sent it."""
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"

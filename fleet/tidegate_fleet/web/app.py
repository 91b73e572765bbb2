"""The page and its API as one ASGI application."""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException

from tidegate_fleet.harmless import harmless
from tidegate_fleet.outward.fleet import fleet_registry
from tidegate_fleet.outward.metrics import METRICS_TYPE, metrics_response
from tidegate_fleet.web.api.routes import PREFIX, Routes
from tidegate_fleet.web.ascii_json import AsciiJson
from tidegate_fleet.web.guard import Guard
from tidegate_fleet.web.live.hub import Hub
from tidegate_fleet.web.pages.routes import Pages
from tidegate_fleet.web.problems import PageError
from tidegate_fleet.web.reading import Reading
from tidegate_fleet.web.site import Site
from tidegate_schemas import __version__
from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fastapi.responses import Response
    from prometheus_client import CollectorRegistry

    from tidegate_fleet.history import History
    from tidegate_fleet.web.doors.door import Door

_ABOUT = """\
What a collector heard of a fleet: hosts, releases, events. Read-only: to steer a release use `tidegate`.

Everything in here was said by hosts and is as true as they are; `verified` says where a key stands behind it.
Fields may be added to version 1, and none changes its meaning. Errors are problem+json (RFC 9457) with
tidegate's codes.
"""


_KNOWN: Final = {
    404: (Code.PAGE_MISSING, "there is nothing at this address"),
    405: (Code.PAGE_METHOD, "this address takes another method"),
}


def create_app(
    history: History, *, login: Door, site: Site | None = None, metrics: CollectorRegistry | None = None
) -> Guard:
    """The application: what `serving.serve` serves.

    Args:
        history: what was collected; only read.
        login: who may read.
        site: title, names and limits.
        metrics: what `/metrics` tells Prometheus; None: the fleet alone, out of `history`.
    """
    shown = site or Site()
    hub, reading = Hub(history, shown), Reading(history, shown)
    app = create_api(reading, hub, shown)
    pages = Pages(reading, shown, login)
    app.include_router(pages.router())
    app.add_api_route("/metrics", _metrics(metrics or fleet_registry(history)), include_in_schema=False)
    _refuse_in_words(app, pages)
    return Guard(app, login, frozenset(name.lower() for name in shown.names), hub.close)


def create_api(reading: Reading, hub: Hub, site: Site) -> FastAPI:
    """The API alone, without login and without pages: what `docs/openapi.json` describes."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with hub.running():
            yield

    app = FastAPI(
        title="tidegate",
        version="1",
        summary="What a fleet says of its updates.",
        description=_ABOUT,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    app.include_router(Routes(reading, hub, site).router())

    def openapi() -> AsciiJson:
        return AsciiJson(describe(app))

    app.add_api_route(f"{PREFIX}/openapi.json", openapi, include_in_schema=False)
    app.add_api_route("/healthz", _healthy, include_in_schema=False)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """The API's OpenAPI document, with what FastAPI cannot know of errors, streams and codes."""
    document: dict[str, Any] = copy.deepcopy(app.openapi())
    schemas = document["components"]["schemas"]
    # The registry of codes grows: who reads this shall expect new ones (docs/codes.md lists them).
    schemas["Code"] = {"type": "string", "pattern": "^[a-z]+\\.[a-z-]+$", "examples": ["health.failed"]}
    # FastAPI's own form of a wrong parameter: here it is a problem with status 400.
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            for response in operation["responses"].values():
                _give_its_own_type(response.get("content", {}))
    return document


def _give_its_own_type(content: dict[str, Any]) -> None:
    """Move what FastAPI files under JSON to the type that is named beside it."""
    for name in content.keys() - {"application/json"}:
        content[name] = content.pop("application/json", content[name])


def _metrics(registry: CollectorRegistry) -> Callable[[], PlainTextResponse]:
    def answer() -> PlainTextResponse:
        return PlainTextResponse(metrics_response(registry), media_type=METRICS_TYPE)

    return answer


def _healthy() -> AsciiJson:
    """Whether the server answers at all; what it knows is behind the login."""
    return AsciiJson({"status": "ok", "version": __version__})


def _refuse_in_words(app: FastAPI, pages: Pages) -> None:
    async def refuse(request: Request, error: Exception) -> Response:
        return pages.refusal(request, _in_words(error))

    for kind in (TidegateError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, refuse)


def _in_words(error: Exception) -> TidegateError:
    if isinstance(error, TidegateError):
        return error
    if isinstance(error, RequestValidationError):
        return PageError(*_fault(error))
    status = error.status_code if isinstance(error, HTTPException) else 500
    code, reason = _KNOWN.get(status, (Code.INTERNAL_ERROR, "a fault of tidegate's own; its log has more"))
    return PageError(code, reason)


def _fault(error: RequestValidationError) -> tuple[Code, str]:
    """The first thing that is wrong. A name in the path that cannot be is not there; a parameter is wrong."""
    first = error.errors()[0]
    where, *name = (str(part)[:80] for part in first["loc"])
    said = harmless(f"{'.'.join(name)}: {first['msg']}")
    if where == "path":
        return Code.PAGE_MISSING, f"there can be nothing of that name: {said}"
    return Code.PAGE_QUERY, "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in said
    )

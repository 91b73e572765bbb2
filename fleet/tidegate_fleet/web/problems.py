"""What went wrong with a request, as problem+json (RFC 9457) with tidegate's codes."""

from __future__ import annotations

from typing import Final

from tidegate_fleet.web.ascii_json import AsciiJson
from tidegate_schemas.base import Message
from tidegate_schemas.codes import REGISTRY, Code, TidegateError

MEDIA_TYPE: Final = "application/problem+json"
_BASE: Final = "https://tidegate.dev/codes/"

_STATUS: Final = {
    Code.PAGE_ATTEMPTS: 429,
    Code.PAGE_BUSY: 503,
    Code.PAGE_LOGIN: 401,
    Code.PAGE_METHOD: 405,
    Code.PAGE_MISSING: 404,
    Code.PAGE_NAME: 421,
    Code.PAGE_QUERY: 400,
    Code.INTERNAL_ERROR: 500,
}


class Problem(Message):
    """Why a request was not answered. `code` is stable; `remedy` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    remedy: str


class PageError(TidegateError):
    """A request that is not answered.

    Attributes:
        retry_after: seconds after which it may be repeated, where that helps.
    """

    def __init__(self, code: Code, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(code, reason)
        self.retry_after = retry_after


def status_of(error: TidegateError) -> int:
    """The HTTP status for an error; 503 for all that is about the store."""
    return _STATUS.get(error.code, 503)


def headers_of(error: TidegateError) -> dict[str, str]:
    """The headers that go with an error."""
    headers = {"Cache-Control": "no-store"}
    if error.code is Code.PAGE_LOGIN:
        headers["WWW-Authenticate"] = 'Bearer realm="tidegate"'
    if error.code is Code.PAGE_METHOD:
        headers["Allow"] = "GET, HEAD"
    if isinstance(error, PageError) and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return headers


def problem_of(error: TidegateError) -> Problem:
    """The document for an error."""
    return Problem(
        type=_BASE + error.code,
        title=REGISTRY[error.code].cause,
        status=status_of(error),
        detail=error.reason,
        code=error.code,
        remedy=error.remedy,
    )


def problem_response(error: TidegateError) -> AsciiJson:
    """The response for an error."""
    content = problem_of(error).model_dump(mode="json")
    return AsciiJson(content, status_of(error), headers_of(error), MEDIA_TYPE)

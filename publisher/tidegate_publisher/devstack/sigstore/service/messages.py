"""Requests and responses as plain data, so that the services need no socket to be tested."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

JSON_TYPE = "application/json"


class HttpError(Exception):
    """A request that is refused.

    Attributes:
        status: the HTTP status.
        message: one sentence for whoever sent it.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case, and of a repeated parameter the last one counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            HttpError: 400, it is none.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"the body is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise HttpError(400, "the body is not a JSON object")
        return value

    def form(self) -> dict[str, str]:
        """The body as a form.

        Raises:
            HttpError: 400, it is none, or has more than 64 fields.
        """
        try:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=64))
        except ValueError as error:
            raise HttpError(400, f"the body is not a form: {error}") from error

    def bearer(self) -> str | None:
        """The bearer token, if there is one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Response:
    """A response."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request, datetime], Response]
Routes = dict[tuple[str, str], Handler]


def json_response(value: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A response that carries JSON."""
    return Response(status, JSON_TYPE, json.dumps(value).encode(), headers)


def find(value: object, *path: str) -> object:
    """Follow keys into nested JSON objects; None where one is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: object, *path: str) -> str:
    """The string at that path.

    Raises:
        HttpError: 400, there is none.
    """
    found = find(value, *path)
    if not isinstance(found, str):
        raise HttpError(400, f"{'.'.join(path)} is missing or not a string")
    return found


def binary(value: object, *path: str) -> bytes:
    """The base64 at that path, decoded.

    Raises:
        HttpError: 400, there is none.
    """
    try:
        return base64.b64decode(text(value, *path), validate=True)
    except binascii.Error as error:
        raise HttpError(400, f"{'.'.join(path)} is not base64: {error}") from error

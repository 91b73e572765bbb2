"""Errors of databases, in words for people.

TidegateError        (tidegate_schemas.codes)
├── StoreError       the database is not to be had, or does not do what it should; worth another try
└── UnfitRowError    the database is well, and does not take this: what was to be written is at fault
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator

# PostgreSQL, Appendix A: classes 28 (invalid authorization) and 42501 (insufficient privilege).
_REFUSED: Final = ("28", "42501")
_WORDS: Final = (
    "password authentication failed",
    "no password supplied",
    "pg_hba.conf",
    "readonly database",
    "permission denied",
    'role "',
)


class StoreError(TidegateError):
    """The database is not to be had, or does not do what it should."""


class UnfitRowError(TidegateError):
    """The database does not take what was to be written: INTERNAL_ERROR."""


@contextlib.contextmanager
def readable(what: str) -> Iterator[None]:
    """Turn what cannot be read out of the database into a StoreError: nobody's words are at fault.

    Args:
        what: is read.
    """
    try:
        yield
    except ValueError as error:
        reason = f"{what} cannot be read: {_first(error)}"
        raise StoreError(Code.STORE_NEWER, reason) from error


@contextlib.contextmanager
def in_words(where: str) -> Iterator[None]:
    """Turn what the database says into a StoreError or UnfitRowError.

    Args:
        where: the database, without password.
    """
    try:
        yield
    except (DataError, IntegrityError) as error:
        raise UnfitRowError(Code.INTERNAL_ERROR, f"{where} does not take a row: {_first(error)}") from error
    except DBAPIError as error:
        raise StoreError(_code(error), f"{where}: {_first(error)}") from error
    except (StatementError, ValueError, OverflowError) as error:
        raise UnfitRowError(Code.INTERNAL_ERROR, f"a row cannot be written: {_first(error)}") from error
    except SQLAlchemyError as error:
        raise StoreError(Code.STORE_UNREACHABLE, f"{where}: {_first(error)}") from error


def _code(error: DBAPIError) -> Code:
    state = getattr(error.orig, "sqlstate", None) or ""
    words = str(error.orig)
    if state.startswith(_REFUSED) or any(one in words for one in _WORDS):
        return Code.STORE_REFUSED
    if state in {"42P01", "3D000"} or "no such table" in words:
        return Code.STORE_MISSING
    return Code.STORE_UNREACHABLE


def _first(error: Exception) -> str:
    # psycopg repeats the reason for each address that it tried, a line each.
    said = error.orig if isinstance(error, DBAPIError) else error
    return " ".join(str(said).split("\n", 1)[0].split())[:300] or type(said).__name__

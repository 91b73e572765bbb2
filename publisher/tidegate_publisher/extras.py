"""Commands that need libraries which are installed on request only."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tidegate_schemas.codes import Code, TidegateError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def needs(extra: str) -> Iterator[None]:
    """Around imports: says which extra of tidegate to install when a library is missing.

    Raises:
        TidegateError: CONFIG_EXTRA.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tidegate_"):
            raise
        reason = f"{error.name} is not installed: this needs pip install 'tidegate[{extra}]'"
        raise TidegateError(Code.CONFIG_EXTRA, reason) from error

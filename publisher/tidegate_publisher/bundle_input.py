"""Reading a bundle that somebody hands over."""

from __future__ import annotations

from typing import IO

from tidegate_schemas import limits
from tidegate_schemas.codes import Code, TidegateError


def read_bundle(file: IO[bytes]) -> bytes:
    """A bundle's bytes; one byte more than hosts read when it is too long, so that it is refused as such.

    Raises:
        TidegateError: CONFIG_MISSING.
    """
    try:
        # Editors and shells add a line end; what is published is the bundle alone.
        return file.read(limits.STATEMENT_BYTES + 1).strip()
    except OSError as error:
        raise TidegateError(Code.CONFIG_MISSING, f"{file.name} cannot be read: {error.strerror}") from error

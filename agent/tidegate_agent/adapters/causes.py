"""Why a request over the network failed, in words."""

from __future__ import annotations

import ssl


def cause_of(error: BaseException) -> str:
    """The cause in words that are the same each time: the libraries' own hold addresses in memory."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error) if isinstance(error, TimeoutError) else type(error).__name__

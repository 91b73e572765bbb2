"""The agent's errors, as a tree. Raised from their cause, logged once at the top; only `cli` exits.

TidegateError                   a code of the registry and a sentence (tidegate_schemas.codes)
├── RefusedError                a statement, request or image that this host will not act on
├── ConfigError                 configuration that cannot be used: file, key, what was expected
│   └── InvalidConfigError      everything that is wrong with it at once (config.problems)
├── EngineError                 an image engine could not do what it was asked
├── PinRefusedError             the device key's token did not take the PIN
├── JournalError                the state on disk cannot be read or written
└── ControlError                the running agent cannot be reached, or refused a local command
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate_schemas.codes import TidegateError

if TYPE_CHECKING:
    from tidegate_schemas.codes import Code


class RefusedError(TidegateError):
    """A statement, request or image that this host will not act on. Final for that content."""


class ConfigError(TidegateError):
    """Configuration that cannot be used."""


class EngineError(TidegateError):
    """An image engine could not do what it was asked.

    Attributes:
        retryable: whether the same call may succeed later without a new release.
    """

    def __init__(self, code: Code, reason: str, *, retryable: bool = False) -> None:
        super().__init__(code, reason)
        self.retryable = retryable


class PinRefusedError(TidegateError):
    """A token did not take the PIN. Not to be tried again by itself: after a few times the token locks."""


class JournalError(TidegateError):
    """The state on disk cannot be read or written."""


class ControlError(TidegateError):
    """The running agent cannot be reached, or refused a local command."""

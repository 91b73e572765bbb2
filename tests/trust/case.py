"""What a bad case is: a message, the host that hears it, and the code with which it has to be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.trust.beliefs import Beliefs
from tidegate_publisher.devstack.sigstore.trust import RekorVersion
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from tests.trust.forge import Forge

Decider = Literal["verifier", "agent"]


@dataclass(frozen=True)
class Scene:
    """One message and who hears it.

    Attributes:
        message: as it comes from the broker.
        beliefs: the host's.
        cured: beliefs by which the very same message is genuine, where there are such: with them nothing is
            wrong, so without them nothing else is.
        genuine: the next release as this host believes it; None where it is the usual one.
    """

    message: bytes
    beliefs: Beliefs
    cured: Beliefs | None = None
    genuine: bytes | None = None


Build = Callable[["Forge", "RekorVersion"], Scene]


@dataclass(frozen=True)
class BadCase:
    """One of the forty, or a variant of one.

    Attributes:
        name: `case_01a_…`.
        code: with which it is refused.
        build: makes it, for one kind of log.
        logs: the kinds of log for which it can be made.
        decider: who refuses it: the verifier (steps 1 to 5), or the agent that remembers (steps 6 and 7).
    """

    name: str
    code: Code
    build: Build
    logs: tuple[RekorVersion, ...]
    decider: Decider

    @property
    def number(self) -> int:
        """Which of the forty."""
        return int(self.name[5:7])


def bad(code: Code, *logs: RekorVersion, decider: Decider = "verifier") -> Callable[[Build], BadCase]:
    """Declares a function to be a bad case: its code, and the logs (both, if none is named)."""

    def declare(build: Build) -> BadCase:
        return BadCase(build.__name__, code, build, logs or ("v1", "v2"), decider)

    return declare


def signed(code: Code, *, decider: Decider = "verifier") -> Callable[[Callable[[], bytes]], BadCase]:
    """Declares a function to be a bad case in which the releaser truly signed what it returns."""

    def declare(payload: Callable[[], bytes]) -> BadCase:
        def build(forge: Forge, rekor: RekorVersion) -> Scene:
            return Scene(forge.signing(rekor, payload()).message(), forge.beliefs)

        return BadCase(payload.__name__, code, build, ("v1", "v2"), decider)

    return declare

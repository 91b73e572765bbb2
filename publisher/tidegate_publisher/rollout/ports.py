"""What a run needs from the outside. Fakes are in tests/fakes/rollout.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from tidegate_publisher.ports import Clock
from tidegate_publisher.rollout.figures import Figures
from tidegate_schemas.statement import ChannelStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tidegate_publisher.ports import ResolvedImage, Verified
    from tidegate_publisher.publication import Current, Signed
    from tidegate_publisher.rollout.decisions import Decision
    from tidegate_schemas.rollout import Rollout
    from tidegate_wire.mqtt.messages import Message


class LongClock(Clock, Protocol):
    """A clock that also tells how much time has passed, whatever it is set to meanwhile."""

    def elapsed(self) -> timedelta:
        """All the time that has passed, since some moment; that in which the machine slept, too."""
        ...


class Ear(Protocol):
    """Hears what hosts say, and what is announced."""

    def listen(self) -> None:
        """Connect (anew), and subscribe: what is retained comes first. Raises TidegateError(BUS_*)."""
        ...

    def hear(self, timeout_s: float) -> Sequence[Message]:
        """What has come; waits up to `timeout_s` seconds for the first. Raises TidegateError(BUS_*)."""
        ...

    def pause(self, seconds: float) -> None:
        """Let time pass before the next attempt to listen."""
        ...


class Desk(Protocol):
    """Reads and changes what the channel holds."""

    def current(self) -> Current:
        """What it holds. Raises TidegateError(BUS_*, TRUST_*)."""
        ...

    def verify(self, bundle: bytes) -> Verified:
        """What a bundle says that was heard on the channel. Raises TidegateError(SIGNATURE_*, …)."""
        ...

    def resolve(self) -> ResolvedImage:
        """What the release's image stands for. Raises TidegateError(REFERENCE_*, IMAGE_*)."""
        ...

    def announce(self, before: Current, shape: Callable[[ChannelStatement], Rollout]) -> Signed:
        """Announce the release with the rollout that `shape` says.

        Raises:
            TidegateError: ANNOUNCE_CONFLICT when the channel holds something else than `before`; as
                `Announcing.release`.
        """
        ...

    def steer(self, expected: ChannelStatement, rollout: Rollout) -> Signed:
        """Announce the same release with another rollout, if the channel holds the expected statement.

        Raises:
            TidegateError: ANNOUNCE_CONFLICT when it holds another, ANNOUNCE_MISSING; what the channel's
                statement may not be built upon for; and what signing and publishing raise.
        """
        ...

    def stop(self, known: Verified, rollout: Rollout) -> Signed:
        """Stop the release that `known` announces: `rollout` is held or revoked.

        It is signed on top of the newest statement that is known, also where the channel holds an older one,
        or something that does not verify: who overwrites a stop, or spoils what is retained, wins nothing.

        Raises:
            TidegateError: ANNOUNCE_CONFLICT when the channel holds another release, or a later statement; and
                what signing and publishing raise.
        """
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Hosts that failed for one reason: how many, and the newest in words."""

    hosts: int
    reason: str


@dataclass(frozen=True, slots=True)
class View:
    """What a decision was made from, to be shown.

    Attributes:
        now: when.
        statement: what the channel holds; None before anything is announced.
        figures: by wave, in their order.
        failures: by code; '' for hosts that told none.
        outside: hosts in no wave.
    """

    now: datetime
    statement: ChannelStatement | None
    figures: Mapping[str, Figures]
    failures: Mapping[str, Failure]
    outside: int = 0


class Teller(Protocol):
    """Is told what the run does."""

    def decided(self, decision: Decision, view: View) -> None:
        """A look led to this decision. The same one comes again with every look."""
        ...

    def published(self, statement: ChannelStatement) -> None:
        """A statement of this run is on the channel."""
        ...

    def note(self, text: str) -> None:
        """Something else that a person should know."""
        ...

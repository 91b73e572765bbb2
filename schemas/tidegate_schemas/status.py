"""A host's status: presence, what runs, what waits and for what. Retained, as its last will is, beside it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from tidegate_schemas import limits
from tidegate_schemas.base import Digest, HostId, KeyId, Labels, Message, Moment, Name, Sequence, Short, Text
from tidegate_schemas.codes import Code


class Presence(StrEnum):
    """Whether the agent is connected."""

    ONLINE = "online"
    OFFLINE = "offline"


class Inventory(Message):
    """What kind of machine the host is."""

    arch: Short
    kernel: Short
    os: Short
    agent: Short


class FollowStatus(Message):
    """Where a host stands in one channel.

    `version` is that of `current`, what runs; `target` is what was last asked for; `sequence` is the newest
    accepted, which may be a heartbeat; `hold` says who holds the host back in this channel, and why.
    """

    product: Name
    channel: Name
    engine: Short
    state: Short
    sequence: Sequence | None = None
    current: Digest | None = None
    version: Short | None = None
    staged: Digest | None = None
    previous: Digest | None = None
    target: Digest | None = None
    target_version: Short | None = None
    waiting_for: Short | None = None
    until: Moment | None = None
    code: Code | None = None
    reason: Text = ""
    stale_since: Moment | None = None
    hold: Text | None = None
    quarantined: Annotated[tuple[Digest, ...], Field(max_length=limits.ITEMS)] = ()
    refused: Annotated[int, Field(ge=0)] = 0


class TrustStatus(Message):
    """The trusted root that a host verifies against.

    `root_digest` is that of the root in force, absent while there is none; `refreshed_at` is when a
    repository was last asked for it with success; `code` and `reason` say why the last attempt failed;
    `expires` is the first moment at which something of the root ends; `warnings` is what a person has to act
    upon.
    """

    root_digest: Digest | None = None
    refreshed_at: Moment | None = None
    code: Code | None = None
    reason: Text = ""
    expires: Moment | None = None
    warnings: Annotated[tuple[Text, ...], Field(max_length=limits.ITEMS)] = ()


class Fault(Message):
    """Why the host acts upon nothing now: its disk does not take what it has to remember."""

    code: Code
    reason: Text = ""


class HostStatus(Message):
    """The retained status, and the last will, which the broker retains on a topic of its own.

    `start` counts the agent's starts and `connection` the connections of this start: of two statuses the
    one with the higher pair is the newer, so that a late will cannot hide a live host. A will carries the
    pair of the connection that died, and says `offline` and nothing more: what the host told last stays in
    its status. `revision` counts what a start tells, up to its farewell; wills have 0: a broker that delivers
    once more, or in another order, brings nothing old back. `device_key` names the key
    that signs the host's events, while it can: to be compared at enrolment and not to be believed, for the
    status itself is not signed.
    `fault` is there while the host cannot write down what it does, and so does nothing.
    `events_dropped` is how many events the host has given up since it began, because too many waited for the
    broker; never results.
    """

    host: HostId
    presence: Presence
    start: Annotated[int, Field(ge=0)]
    connection: Annotated[int, Field(ge=0)]
    revision: Annotated[int, Field(ge=0)] = 0
    at: Moment
    boot_id: Short | None = None
    labels: Labels = {}
    inventory: Inventory | None = None
    device_key: KeyId | None = None
    follows: Annotated[tuple[FollowStatus, ...], Field(max_length=limits.ITEMS)] = ()
    trust: TrustStatus | None = None
    fault: Fault | None = None
    events_dropped: Annotated[int, Field(ge=0)] = 0

    @property
    def arch(self) -> str | None:
        """The host's architecture, if it told it."""
        return None if self.inventory is None else self.inventory.arch

    @property
    def is_will(self) -> bool:
        """Whether it was written when a connection began, and says of the host that it is gone."""
        return self.presence is Presence.OFFLINE and self.revision == 0

    def overtaken_by(self, known: HostStatus | None) -> bool:
        """Whether `known` is a later word of the same connection."""
        return (
            known is not None
            and self.presence is Presence.ONLINE
            and (self.start, self.connection) == (known.start, known.connection)
            and self.revision < known.revision
        )

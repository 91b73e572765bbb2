"""What one update has a host say, in bytes on the wire: played by the simulator's model, and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from paho.mqtt.packettypes import PacketTypes

from tests.bench.figure import Figure
from tests.bench.scale.given import Words
from tests.bench.scale.packets import publication
from tests.support.bundles import a_message
from tests.support.statements import a_statement, digest_of
from tidegate_publisher.devstack.simulator import telling
from tidegate_publisher.devstack.simulator.hostmodel import HostModel
from tidegate_publisher.devstack.simulator.letters import Letter, Letters
from tidegate_publisher.devstack.simulator.profile import Installed, Kind, make_profile
from tidegate_publisher.devstack.simulator.unverified import Unverified
from tidegate_schemas.events import encode
from tidegate_schemas.rollout import Rollout, Wave
from tidegate_schemas.status import Presence
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.client import message_properties
from tidegate_wire.mqtt.messages import Publication

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_schemas.events import UpdateEvent

_TOPICS: Final = Topics()
_CHANNEL: Final = ("os", "stable")
_MOST: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Said:
    """What a host said in one update: sizes of PUBLISH packets in bytes, on MQTT 5."""

    events: tuple[int, ...]
    statuses: tuple[int, ...]
    statement: int


def figures(sigstore: LocalSigstore) -> Iterator[Figure]:
    """The sizes, as figures of no broker."""
    said = play(sigstore)
    for what, sizes in (("event", said.events), ("status", said.statuses)):
        yield Figure(f"{what} of an update, MQTT 5", "bytes", tuple(map(float, sizes)))
    yield Figure("statement, MQTT 5", "bytes", (float(said.statement),))


def words(sigstore: LocalSigstore) -> Words:
    """The same for the arithmetic."""
    said = play(sigstore)
    return Words(
        events=len(said.events),
        event_bytes=sum(said.events) / len(said.events),
        statuses=len(said.statuses),
        status_bytes=sum(said.statuses) / len(said.statuses),
        statement_bytes=said.statement,
    )


def play(sigstore: LocalSigstore) -> Said:
    """One host with a reboot takes up a release whose wave is open, and succeeds."""
    now = datetime.now(UTC)
    model = HostModel(make_profile(Kind(Installed(digest_of("a"), "1.0")), 0), _CHANNEL)
    rollout = Rollout(seed="bench", waves=(Wave(name="all", open=True),))
    statement = a_statement(digest_of("b"), issued_at=now, sequence=1, version="2.0", rollout=rollout)
    message = a_message(sigstore, statement.to_json(), now=now)
    letter: Letter = Letters(Unverified(), _CHANNEL).read(message)
    told, statuses = list(model.hear(letter, now)), [_status(model, now)]
    gist, end = telling.gist(model), now + _MOST
    while (due := model.next_due()) is not None and due < end:
        now = due
        told += model.tick(now)
        if model.powered and telling.gist(model) != gist:
            gist = telling.gist(model)
            statuses.append(_status(model, now))
    return Said(tuple(map(_event, told)), tuple(statuses), _size(_TOPICS.channel(*_CHANNEL), message))


def _event(event: UpdateEvent) -> int:
    encoded = encode(event, binary=True)
    topic = _TOPICS.events(event.subject)
    said = Publication(
        topic, encoded.payload, content_type=encoded.content_type, properties=encoded.properties
    )
    properties = message_properties(said, PacketTypes.PUBLISH)
    packed: bytes = properties.pack()  # type: ignore[no-untyped-call] # paho's
    return _size(topic, encoded.payload) + len(packed)


def _status(model: HostModel, now: datetime) -> int:
    said = telling.status(model, 1, Presence.ONLINE, now, 1)
    return _size(_TOPICS.status(model.profile.host), said.to_json())


def _size(topic: str, payload: bytes) -> int:
    return len(publication(topic, payload))

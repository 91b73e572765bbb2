"""Messages to words: what is none is told from what is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fleets import at, describes, said
from tests.support.key_pairs import KeyPair
from tests.support.statements import a_statement
from tidegate_fleet.collector.line import filters
from tidegate_fleet.collector.reading import MessageReader
from tidegate_fleet.collector.settings import CollectorSettings
from tidegate_fleet.history import StatementRecord
from tidegate_fleet.refusal import Refusal
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.envelope import EventSignatureError
from tidegate_schemas.events import Step
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Message

if TYPE_CHECKING:
    from tidegate_schemas.statement import ChannelStatement

TOPICS = Topics()
NOW = at(0)
CHANNEL = TOPICS.channel("os", "stable")


def heard(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, retained=True, packet=7)


class NoKeys:
    def verify(self, host: str, raw: bytes) -> tuple[bytes, str]:
        del host, raw
        raise EventSignatureError("no key")


class Policy:
    """Trusts whatever one says, when it is asked for the right channel."""

    def verify(self, message: bytes, product: str, channel: str) -> tuple[ChannelStatement, tuple[str, ...]]:
        if message != b"genuine":
            raise TidegateError(Code.SIGNATURE_INVALID, "not theirs")
        assert (product, channel) == ("os", "stable")
        return a_statement(), ("release@example.org",)


def test_events_and_statuses_are_words() -> None:
    event, status = said("edge-1", Step.ACCEPTED), describes("edge-1")
    reader = MessageReader(TOPICS)
    assert reader.read(heard(TOPICS.events("edge-1"), event.event.to_json()), NOW) == event
    assert reader.read(heard(TOPICS.status("edge-1"), status.to_json()), NOW) == status


def test_a_host_that_was_cleared_says_nothing() -> None:
    reader = MessageReader(TOPICS)
    assert reader.read(heard(TOPICS.status("edge-1"), b""), NOW) is None
    assert reader.read(heard(CHANNEL, b""), NOW) is None


@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff", b"null", b"[" * 100_000, b"1" * 70_000, said("edge-2", Step.ACCEPTED).event.to_json()],
)
def test_what_is_no_word_of_the_topics_host_is_malformed(payload: bytes) -> None:
    assert MessageReader(TOPICS).read(heard(TOPICS.events("edge-1"), payload), NOW) is Refusal.MALFORMED


def test_a_number_that_no_database_holds_is_told_apart() -> None:
    event = said("edge-1", Step.ACCEPTED, attempt=2**70).event
    found = MessageReader(TOPICS).read(heard(TOPICS.events("edge-1"), event.to_json()), NOW)
    assert found is Refusal.UNSTORABLE


def test_with_device_keys_an_unsigned_event_is_none() -> None:
    event = said("edge-1", Step.ACCEPTED).event
    reader = MessageReader(TOPICS, events=NoKeys())
    assert reader.read(heard(TOPICS.events("edge-1"), event.to_json()), NOW) is Refusal.UNSIGNED


def test_a_statement_is_taken_at_its_word_without_a_policy() -> None:
    bundle = KeyPair().bundle(a_statement().to_json())
    reader = MessageReader(TOPICS)
    assert reader.read(heard(CHANNEL, bundle), NOW) == StatementRecord(a_statement(), NOW, verified=False)
    elsewhere = TOPICS.channel("os", "beta")
    assert reader.read(heard(elsewhere, bundle), NOW) is Refusal.MALFORMED
    assert reader.read(heard(CHANNEL, KeyPair().bundle(b"{}")), NOW) is Refusal.MALFORMED
    assert reader.read(heard(CHANNEL, b"{}"), NOW) is Refusal.MALFORMED


def test_with_a_policy_only_a_genuine_statement_is_kept() -> None:
    reader = MessageReader(TOPICS, statements=Policy())
    record = reader.read(heard(CHANNEL, b"genuine"), NOW)
    assert record == StatementRecord(a_statement(), NOW, verified=True, signers=("release@example.org",))
    assert reader.read(heard(CHANNEL, b"forged"), NOW) is Refusal.UNSIGNED


def test_only_events_are_shared() -> None:
    assert filters(TOPICS, None) == (TOPICS.all_events, *TOPICS.all_presence, TOPICS.all_channels)
    assert filters(TOPICS, "fleet")[0] == f"$share/fleet/{TOPICS.all_events}"
    assert filters(TOPICS, "fleet")[1:] == (*TOPICS.all_presence, TOPICS.all_channels)


@pytest.mark.parametrize("names", [{"name": "a/b"}, {"name": ""}, {"name": "a", "share": "+"}])
def test_names_that_cannot_stand_in_topics_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(TidegateError):
        CollectorSettings(**names)  # type: ignore[arg-type] # the names are all that is set

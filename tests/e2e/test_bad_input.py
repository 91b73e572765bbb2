"""Whatever is sent to a channel's topic: one event with the right code, and the host stays as it is.

All tests use one agent. They leave no trace in it but the events that they expect.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bundles import broken
from tests.support.channel import Channel
from tests.support.site import Site, site
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_schemas import limits
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate_schemas.events import UpdateEvent

pytestmark = pytest.mark.real("mosquitto")

Attack = Callable[[Channel], bytes]
DAY = timedelta(days=1)
OTHER = "sha256:" + "c" * 64


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, sigstore: LocalSigstore) -> Iterator[Site]:
    """A host that runs the second of two versions."""
    with site(tmp_path_factory.mktemp("bad-input"), sigstore) as made:
        for version in ("1", "2"):
            digest = made.images.release(version)
            made.channel.announce(digest)
            made.watcher.wait_for(Step.SUCCEEDED, digest)
        yield made


def state_of(here: Site) -> tuple[Any, ...]:
    """All of the host that a false message must not change: what it says, and what is on its disk."""
    status = here.watcher.status.follows[0].model_copy(update={"refused": 0})
    steps = [event.id for event in here.watcher.events if event.data.step is not Step.REJECTED]
    return status, steps, here.host.stored(), here.host.switches


def refusals(here: Site, message: bytes) -> list[UpdateEvent]:
    """The events about one message."""
    name = f"sha256:{hashlib.sha256(message[: limits.STATEMENT_BYTES + 1]).hexdigest()}"
    return [event for event in here.watcher.events if event.data.details.get("message") == name]


def send(here: Site, message: bytes, times: int = 1) -> UpdateEvent:
    """Send a message, and wait until the host has refused it."""
    here.channel.shout([message] * times, retain=True)
    here.watcher.wait(lambda: bool(refusals(here, message)), "the message is refused")
    return refusals(here, message)[0]


def signed(**changes: Any) -> Attack:
    """Signed by the one whom the host trusts, and wrong in what it says."""
    return lambda channel: channel.sign(
        channel.statement(OTHER, **{"sequence": channel.sequence + 1, **changes})
    )


def rewritten(change: Callable[[dict[str, Any]], object]) -> Attack:
    """The same, with a content that no tool of ours would write."""

    def attack(channel: Channel) -> bytes:
        content = json.loads(channel.statement(OTHER, sequence=channel.sequence + 1).to_json())
        change(content)
        return channel.sign(json.dumps(content).encode())

    return attack


def genuine(channel: Channel) -> bytes:
    """A statement that would be taken up."""
    return channel.sign(channel.statement(OTHER, sequence=channel.sequence + 1))


def swapped_payload(channel: Channel) -> bytes:
    """Somebody else's payload under a genuine signature."""
    other = json.loads(signed(version="6.6.6")(channel))["dsseEnvelope"]["payload"]
    return broken(genuine(channel), lambda bundle: bundle["dsseEnvelope"].update(payload=other))


def by_a_stranger(channel: Channel) -> bytes:
    return channel.sign(channel.statement(OTHER, sequence=channel.sequence + 1), email="mallory@example.org")


def by_another_sigstore(channel: Channel) -> bytes:
    content = channel.statement(OTHER, sequence=channel.sequence + 1)
    return type(channel)(channel.settings, LocalSigstore.create(), channel.reference).sign(content)


def unsigned(channel: Channel) -> bytes:
    return broken(genuine(channel), lambda bundle: bundle["dsseEnvelope"].update(signatures=[]))


def twice_the_same_key(channel: Channel) -> bytes:
    return genuine(channel).replace(b'"mediaType"', b'"mediaType": "x", "mediaType"', 1)


def days(number: float) -> datetime:
    return datetime.now(UTC) + number * DAY


FALSE: dict[str, tuple[Code, Attack]] = {
    "a little too large": (Code.STATEMENT_OVERSIZE, lambda _: b'{"a": "' + b"x" * 65_536 + b'"}'),
    "far too large": (Code.STATEMENT_OVERSIZE, lambda _: b"y" * 800_000),
    "truncated": (Code.STATEMENT_MALFORMED, lambda channel: genuine(channel)[:-300]),
    "not UTF-8": (Code.STATEMENT_MALFORMED, lambda _: b'{"a": "\xff\xfe\xc0\x80"}'),
    "not JSON": (Code.STATEMENT_MALFORMED, lambda _: b"reboot now, please"),
    "binary": (Code.STATEMENT_MALFORMED, lambda _: bytes(range(256)) * 50),
    "nested too deeply": (Code.STATEMENT_MALFORMED, lambda _: b"[" * 30_000 + b"]" * 30_000),
    "a key twice": (Code.STATEMENT_MALFORMED, twice_the_same_key),
    "a bare statement": (Code.SIGNATURE_MISSING, lambda channel: channel.statement(OTHER).to_json()),
    "JSON of another kind": (Code.SIGNATURE_MISSING, lambda _: b'{"image": "latest"}'),
    "an emptied envelope": (Code.SIGNATURE_MISSING, unsigned),
    "another payload": (Code.SIGNATURE_INVALID, swapped_payload),
    "signed by a stranger": (Code.SIGNATURE_IDENTITY, by_a_stranger),
    "signed in another Sigstore": (Code.SIGNATURE_ROOT, by_another_sigstore),
    "signed nonsense": (Code.STATEMENT_MALFORMED, lambda channel: channel.sign(b"not a statement")),
    "another type of statement": (Code.STATEMENT_TYPE, rewritten(lambda s: s.update(_type="https://x/v1"))),
    "a field missing": (Code.STATEMENT_SCHEMA, rewritten(lambda s: s["predicate"].pop("expires"))),
    "a sequence that is true": (
        Code.STATEMENT_SCHEMA,
        rewritten(lambda s: s["predicate"].update(sequence=True)),
    ),
    "an unknown critical field": (
        Code.STATEMENT_CRITICAL,
        rewritten(lambda s: s["predicate"].update(critical=["quantum"], quantum=1)),
    ),
    "another product": (Code.STATEMENT_TARGET, signed(product="app")),
    "another channel": (Code.STATEMENT_TARGET, signed(channel="beta")),
    "expired": (Code.STATEMENT_EXPIRED, signed(issued_at=days(-9), expires=days(-0.1))),
    "not yet valid": (Code.STATEMENT_NOT_YET_VALID, signed(issued_at=days(1))),
    "valid for too long": (Code.STATEMENT_VALIDITY, signed(expires=days(400))),
    "a replay": (Code.STATEMENT_ROLLBACK, signed(sequence=1)),
    "equivocation": (Code.STATEMENT_EQUIVOCATION, lambda c: signed(sequence=c.sequence)(c)),
    "a leap": (Code.STATEMENT_FAST_FORWARD, signed(sequence=2**53 - 1)),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_message_is_refused_with_its_code_and_changes_nothing(here: Site, name: str) -> None:
    code, attack = FALSE[name]
    before = state_of(here)
    message = attack(here.channel)
    refused = send(here, message)
    assert (refused.data.step, refused.data.code) == (Step.REJECTED, code)
    assert refused.data.reason
    assert here.host.alive()
    assert state_of(here) == before


def test_a_message_that_comes_twenty_times_is_told_of_once(here: Site) -> None:
    message = by_a_stranger(here.channel)
    send(here, message, times=20)
    # The topic is in order: once the next message is told of, the twenty are behind it.
    send(here, b"the end of it")
    assert len(refusals(here, message)) == 1
    assert [event.id for event in here.host.history()] == [event.id for event in here.watcher.delivered]


def test_a_channel_that_is_wiped_is_no_news(here: Site) -> None:
    before = state_of(here)
    here.channel.shout([b""], retain=True)
    send(here, b"after the wipe")
    assert refusals(here, b"") == []
    assert state_of(here) == before

"""Signed requests to one host, over real brokers: `tidegate request` asks, the real agent does it, once."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.bundles import PERSON, a_message
from tests.support.publisher import Publisher, succeeded
from tests.support.requests import a_request
from tests.support.site import HOST, Site, site
from tests.support.toml import toml
from tests.support.waiting import wait_until
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER, email_claims
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step
from tidegate_schemas.requests import Action
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.broker_kinds import Kind
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_schemas.events import UpdateEvent

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.real("nats-server")]

OPERATOR = "operator@example.org"
THIEF = "stolen@example.org"
REQUESTS = {"requests": {"signers": [{"identity": OPERATOR, "issuer": DEVELOPMENT_ISSUER}]}}
TOPIC = Topics().requests(HOST)


@contextlib.contextmanager
def ready(folder: Path, sigstore: LocalSigstore, kind: Kind = "mosquitto-5", **more: Any) -> Iterator[Site]:
    """A site whose host takes requests and runs version 2, having run version 1."""
    with site(folder, sigstore, kind, tables={**REQUESTS, **more}) as here:
        for version in ("1", "2"):
            digest = here.images.release(version)
            here.channel.announce(digest)
            here.watcher.wait_for(Step.SUCCEEDED, digest)
        yield here


def signed(here: Site, action: Action, email: str = OPERATOR, **changes: Any) -> bytes:
    """A request as it lies on the wire."""
    now = datetime.now(UTC)
    request = a_request(action, issued_at=now, **changes)
    return a_message(here.channel.sigstore, request.to_json(), email=email, now=now)


def send(here: Site, message: bytes, host: str = HOST) -> None:
    with PublisherSession(here.channel.settings) as session:
        session.publish(Topics().requests(host), message)


def answers(here: Site) -> list[UpdateEvent]:
    return [event for event in here.watcher.events if event.data.step is Step.ANSWERED]


def next_answer(here: Site, count: int = 1) -> UpdateEvent:
    """The newest, once there are so many."""
    here.watcher.wait(lambda: len(answers(here)) >= count, f"there are {count} answers")
    assert len(answers(here)) == count
    return answers(here)[-1]


@pytest.mark.parametrize(
    "kind",
    [
        *("mosquitto-5", "mosquitto-3.1.1", "nats"),
        pytest.param("rabbitmq", marks=pytest.mark.real("rabbitmq-server")),
    ],
)
def test_each_action_by_hand(tmp_path: Path, sigstore: LocalSigstore, kind: Kind) -> None:
    with serve(sigstore) as url, ready(tmp_path, sigstore, kind) as here:
        operator = Publisher.on(tmp_path, sigstore, url, here.broker.url).signing_as(email_claims(OPERATOR))

        def ask(action: str, *words: str) -> str:
            ran = succeeded(operator.bus("request", action, "--host", HOST, "--wait", "60s", *words))
            [reply] = ran.document["requests"]
            return str(reply["outcome"])

        assert ask("hold", "--reason", "the line runs") == "done"
        assert here.host.follow().hold == f"held by {OPERATOR}: the line runs"
        third = here.images.release("3")
        here.channel.announce(third)
        here.watcher.wait_for(Step.WAITING, third)
        assert here.version() == "2"
        assert ask("resume") == "done"
        here.watcher.wait_for(Step.SUCCEEDED, third)
        told = len(here.watcher.statuses)
        assert ask("inventory") == "done"
        here.watcher.wait(lambda: len(here.watcher.statuses) > told, "the status comes anew")
        assert ask("recheck", "--product", "os", "--channel", "stable") == "done"
        previous = here.host.follow().previous
        assert previous is not None
        assert ask("rollback", "--digest", previous) == "begun"
        here.watcher.wait_for(Step.ROLLED_BACK, third)
        assert here.version() == "2"
        assert here.host.follow().quarantined == (third,)
        refused = operator.bus("request", "rollback", "--host", HOST, "--digest", third, "--wait", "60s")
        [reply] = refused.document["requests"]
        assert (refused.status, reply["outcome"], reply["code"]) == (1, "refused", Code.REQUEST_POINTLESS)


def test_the_way_back_from_a_sequence_that_a_stolen_signer_drove_up(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    """As an operator does it: the signer out of the policy, a reset, the next honest release."""
    both = [{"identity": each, "issuer": DEVELOPMENT_ISSUER} for each in (PERSON, THIEF)]
    with serve(sigstore) as url, site(tmp_path, sigstore, follow={"signers": both}, tables=REQUESTS) as here:
        operator = Publisher.on(tmp_path, sigstore, url, here.broker.url).signing_as(email_claims(OPERATOR))
        first, bad = here.images.release("1"), here.images.release("bad")
        honest = here.channel.announce(first)
        here.watcher.wait_for(Step.SUCCEEDED, first)
        theft = here.channel.statement(bad, sequence=900_000, floor=900_000)
        here.channel.say(here.channel.sign(theft, email=THIEF))
        here.watcher.wait_for(Step.SUCCEEDED, bad)

        here.host.stop()
        here.host.document["follow"][0]["signers"] = both[:1]
        here.host.config.write_text(toml(here.host.document))
        here.host.start()
        second = here.images.release("2")
        here.channel.announce(second)
        here.watcher.wait(lambda: Code.STATEMENT_ROLLBACK in refusals(here), "the honest release is refused")
        words = ("--product", "os", "--channel", "stable", "--sequence", "1", "--wait", "60s")
        [reply] = succeeded(operator.bus("request", "reset", "--host", HOST, *words)).document["requests"]
        assert reply["outcome"] == "done"
        assert reply["reason"] == "os/stable: from sequence 900000 to 1, floor from 900000 to 1"
        # The channel holds it already: it is taken up without being announced again.
        here.watcher.wait_for(Step.SUCCEEDED, second)

        here.host.kill()
        here.host.start()
        told = len(refusals(here))
        here.channel.say(here.channel.sign(here.channel.statement(bad, sequence=900_001), email=THIEF))
        here.watcher.wait(lambda: len(refusals(here)) == told + 1, "the thief's next one is refused")
        here.channel.say(honest)
        here.watcher.wait(lambda: len(refusals(here)) == told + 2, "what is older than the reset is refused")
        assert refusals(here)[-2:] == [Code.SIGNATURE_IDENTITY, Code.STATEMENT_ROLLBACK]
        assert (here.version(), here.host.follow().sequence) == ("2", 2)


def refusals(here: Site) -> list[Code | None]:
    """Why messages on the channel were refused, in order."""
    told = [event.data for event in here.watcher.events if "/refused/" in event.id]
    return [data.code for data in told if data.step is Step.REJECTED]


def test_whoever_recorded_a_request_cannot_have_it_done_again(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with ready(tmp_path, sigstore) as here:
        recorded = signed(here, Action.HOLD)
        send(here, recorded)
        assert next_answer(here).data.details["outcome"] == "done"
        assert here.host.command("resume").returncode == 0
        for number in range(2):
            # A start forgets what was seen; what was done is on disk.
            here.host.stop()
            here.host.start()
            send(here, recorded)
            assert next_answer(here, 2).data.code is Code.REQUEST_REPLAYED, number
        assert here.host.follow().hold is None


def test_a_request_for_another_host_copied_over(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with ready(tmp_path, sigstore) as here:
        send(here, signed(here, Action.HOLD, host="edge-2"))
        event = next_answer(here)
        assert (event.data.code, event.data.details["outcome"]) == (Code.REQUEST_OTHER_HOST, "refused")
        assert here.host.follow().hold is None


def test_whoever_may_release_may_not_give_orders_unless_named(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with ready(tmp_path, sigstore) as here:
        send(here, signed(here, Action.HOLD, email=PERSON))
        assert next_answer(here).data.code is Code.SIGNATURE_IDENTITY
        assert here.host.follow().hold is None


def test_a_host_without_the_table_takes_no_requests(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore) as here:
        send(here, signed(here, Action.HOLD))
        digest = here.images.release("1")
        here.channel.announce(digest)
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        assert answers(here) == []


def test_a_host_that_was_away_gets_the_request_when_it_is_back(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with ready(tmp_path, sigstore) as here:
        here.host.stop()
        send(here, signed(here, Action.HOLD))
        here.host.start()
        assert next_answer(here).data.details["outcome"] == "done"
        assert here.host.follow().hold == f"held by {OPERATOR}"


def inbox(here: Site) -> int:
    """How many requests wait on disk."""
    path = here.host.directory / "state" / "journal.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as journal:
        count: int = journal.execute("select count(*) from inbox").fetchone()[0]
        return count


def test_power_fails_between_the_acknowledgement_and_the_effect(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    """The broker loses all it had too, so that nobody can deliver the request once more."""
    with ready(tmp_path, sigstore) as here:
        send(here, signed(here, Action.ROLLBACK, digest=here.host.follow().previous))
        wait_until(lambda: inbox(here) == 1, "the request is on disk")
        here.host.kill()
        assert (inbox(here), here.version()) == (1, "2")
        here.broker.kill()
        here.broker.start()
        here.host.start()
        wait_until(lambda: here.host.follow().state == "rolled-back", "the host is back at version 1")
        assert (inbox(here), here.version()) == (0, "1")
        here.host.kill()
        here.host.start()
        outcomes = [e.data.details["outcome"] for e in here.host.history() if e.data.step is Step.ANSWERED]
        assert outcomes == ["begun"]
        assert len(here.host.switches) == 3

"""`tidegate request` as an operator runs it: what goes over the wire, and how it ends without an answer."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import POLICY, root_of
from tests.support.publisher import succeeded
from tests.support.waiting import wait_until
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.requests import Action
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings
from tidegate_wire.trust.verify import verify_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.publisher import Publisher
    from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
    from tidegate_wire.mqtt.messages import Message

HOSTS = ("--host", "edge-1", "--host", "edge-2")


@contextlib.contextmanager
def overheard(url: str) -> Iterator[list[Message]]:
    """What is sent to any host, while the block lasts."""
    heard: list[Message] = []
    stop = threading.Event()
    with PublisherSession(BusSettings(url=url)) as session:
        stream = session.stream(["tidegate/v1/hosts/+/requests"], stop=stop)
        listener = threading.Thread(target=lambda: heard.extend(stream))
        listener.start()
        try:
            yield heard
        finally:
            stop.set()
            listener.join()


def test_each_host_gets_its_own_and_nothing_is_retained(
    publisher: Publisher, sigstore: LocalSigstore
) -> None:
    with overheard(publisher.broker) as heard:
        ran = succeeded(publisher.bus("request", "hold", *HOSTS, "--reason", "the line runs"))
        wait_until(lambda: len(heard) == 2, "both requests came by")
    assert [reply["outcome"] for reply in ran.document["requests"]] == ["sent", "sent"]
    for message, host in zip(heard, ("edge-1", "edge-2"), strict=True):
        assert message.topic == Topics().requests(host)
        found = verify_request(message.payload, root=root_of(sigstore), policy=POLICY, host=host)
        assert (found.request.predicate.action, found.request.predicate.reason) == (
            Action.HOLD,
            "the line runs",
        )
        with pytest.raises(TidegateError) as refused:
            verify_request(message.payload, root=root_of(sigstore), policy=POLICY, host="edge-3")
        assert refused.value.code is Code.REQUEST_OTHER_HOST
    with PublisherSession(BusSettings(url=publisher.broker)) as session:
        assert session.read_retained(Topics().requests("edge-1"), 0.5) is None


def test_a_host_that_does_not_answer(publisher: Publisher) -> None:
    ran = publisher.bus("request", "recheck", "--host", "edge-1", "--wait", "1s")
    assert (ran.status, ran.document["requests"][0]["outcome"]) == (3, "unanswered")


def test_nothing_is_sent_when_hosts_would_not_trust_the_signer(on_mosquitto: Publisher) -> None:
    with overheard(on_mosquitto.broker) as heard:
        somebody = ("--identity", "somebody@example.org", "--issuer", "https://issuer.example")
        ran = on_mosquitto.bus("request", "hold", *HOSTS, *somebody)
    assert (ran.status, ran.code, heard) == (4, Code.ANNOUNCE_UNVERIFIED, [])


def test_a_person_is_told_what_will_be_asked_before_it_is_signed(on_mosquitto: Publisher) -> None:
    ran = on_mosquitto.run(
        *(
            "request",
            "hold",
            *HOSTS,
            "--product",
            "os",
            "--channel",
            "stable",
            "--broker",
            on_mosquitto.broker,
        ),
        TIDEGATE_TRUST_CONFIG=str(on_mosquitto.trust_config),
        SIGSTORE_ID_TOKEN=on_mosquitto.token(),
    )
    told = ran.stderr.splitlines()
    assert told[:2] == [f"{host} will be asked to: hold, os/stable; valid for 1h" for host in HOSTS[1::2]]
    assert told[2].startswith("signed by release@example.org")
    assert ran.stdout.split() == ["edge-1", "sent", "edge-2", "sent"]

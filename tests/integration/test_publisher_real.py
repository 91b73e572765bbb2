"""The publisher as release CI runs it: the real console script, real brokers, a Sigstore served over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import Broker, MosquittoBroker, NatsBroker
from tests.support.layouts import ImageBuilder, file
from tests.support.publisher import ISSUER, RELEASER, STRANGER, Publisher
from tidegate_publisher.devstack.sigstore.claims import github_claims
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.publisher import Ran

TOPIC = Topics().channel("os", "stable")
POLICY = ("--identity", "release@example.org", "--issuer", ISSUER)


@pytest.fixture(scope="module")
def sigstore() -> LocalSigstore:
    return LocalSigstore.create()


@pytest.fixture(scope="module")
def sigstore_url(sigstore: LocalSigstore) -> Iterator[str]:
    with serve(sigstore) as url:
        yield url


@pytest.fixture(
    params=[
        pytest.param("mosquitto", marks=pytest.mark.real("mosquitto")),
        pytest.param("nats-server", marks=pytest.mark.real("nats-server")),
    ]
)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    kind = MosquittoBroker if request.param == "mosquitto" else NatsBroker
    with kind(tmp_path) as running:
        yield running


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with MosquittoBroker(tmp_path) as running:
        yield running


def a_publisher(tmp_path: Path, sigstore: LocalSigstore, url: str, broker_url: str) -> Publisher:
    trust_config = tmp_path / "trust_config.json"
    trust_config.write_text(sigstore.client_trust_config_json(url))
    return Publisher(tmp_path, broker_url, sigstore, trust_config)


@pytest.fixture
def publisher(tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, broker: Broker) -> Publisher:
    return a_publisher(tmp_path, sigstore, sigstore_url, broker.url)


@pytest.fixture
def on_mosquitto(tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, mosquitto: Broker) -> Publisher:
    return a_publisher(tmp_path, sigstore, sigstore_url, mosquitto.url)


@pytest.fixture
def images(tmp_path: Path) -> ImageBuilder:
    return ImageBuilder(tmp_path / "layout")


@pytest.fixture
def image(images: ImageBuilder) -> str:
    """A reference by tag."""
    images.layer([file("etc/os-release", b"ID=test\n")]).build(tag="v1")
    return f"oci:{images.folder}:v1"


def retained(url: str) -> bytes | None:
    with PublisherSession(BusSettings(url=url)) as session:
        return session.read_retained(TOPIC)


def leave(url: str, payload: bytes) -> None:
    with PublisherSession(BusSettings(url=url)) as session:
        session.publish(TOPIC, payload, retain=True)


def succeeded(ran: Ran) -> Ran:
    assert ran.status == 0, ran.stdout + ran.stderr
    return ran


def test_announce_then_steer_then_verify(publisher: Publisher, image: str) -> None:
    announced = succeeded(publisher.bus("announce", publisher.release(image), *POLICY)).document
    assert announced["sequence"] == 1
    assert announced["changed"] is True
    assert announced["resolvedTag"] == "v1"
    assert announced["signer"] == {"identity": "release@example.org", "issuer": ISSUER}

    states = []
    for command in ("hold", "hold", "resume", "heartbeat", "revoke"):
        document = succeeded(publisher.bus(command, "os/stable", *POLICY)).document
        states.append((command, document["sequence"], document["rollout"]["state"], document["changed"]))
    assert states == [
        ("hold", 2, "held", True),
        ("hold", 2, "held", False),
        ("resume", 3, "active", True),
        ("heartbeat", 4, "active", True),
        ("revoke", 5, "revoked", True),
    ]

    verified = succeeded(publisher.ask("verify", "--bus", "os/stable", *POLICY)).document
    assert verified["sequence"] == 5
    assert verified["digest"] == announced["digest"]
    assert verified["rollout"]["seed"] == announced["rollout"]["seed"]
    assert publisher.bus("resume", "os/stable").code == "rollout.final"


def test_a_lower_sequence_is_refused_and_nothing_changes(publisher: Publisher, image: str) -> None:
    release = publisher.release(image)
    succeeded(publisher.bus("announce", release, "--sequence", "7"))
    before = retained(publisher.broker)
    for sequence in ("6", "7"):
        refused = publisher.bus("announce", release, "--sequence", sequence)
        assert (refused.status, refused.code) == (4, "sequence.lower")
    assert retained(publisher.broker) == before
    assert succeeded(publisher.bus("announce", release)).document["sequence"] == 8


def test_a_signed_bundle_is_announced_once_and_a_rival_is_refused(publisher: Publisher, image: str) -> None:
    release = publisher.release(image)
    for name in ("first.json", "rival.json"):
        succeeded(publisher.bus("sign", release, "--sequence", "3", "-o", name))
    assert succeeded(publisher.ask("announce", "--bundle", "first.json")).document["changed"] is True
    assert succeeded(publisher.ask("announce", "--bundle", "first.json")).document["changed"] is False
    refused = publisher.ask("announce", "--bundle", "rival.json")
    assert (refused.status, refused.code) == (4, "statement.equivocation")
    assert retained(publisher.broker) == (publisher.folder / "first.json").read_bytes()


@pytest.mark.real("mosquitto")
def test_a_tag_is_resolved_and_that_is_said(on_mosquitto: Publisher, images: ImageBuilder) -> None:
    digest = images.layer([file("a", b"1")]).build(tag="v1", index=True)
    (entry,) = images.document(digest)["manifests"]
    reference = f"oci:{images.folder}:v1"
    release = on_mosquitto.release(reference, mirrors=["registry.example/os"])
    ran = succeeded(
        on_mosquitto.run(
            *("announce", release, "--broker", on_mosquitto.broker),
            SIGSTORE_ID_TOKEN=on_mosquitto.token(),
            TIDEGATE_TRUST_CONFIG=str(on_mosquitto.trust_config),
        )
    )
    assert f"{reference} is {digest} now; that digest is what gets signed" in ran.stderr
    verified = succeeded(on_mosquitto.ask("verify", "--bus", "os/stable", *POLICY)).document
    assert verified["digest"] == digest
    assert verified["image"]["platforms"] == {"amd64": entry["digest"]}
    assert verified["image"]["references"] == [f"oci:{images.folder}", "registry.example/os"]


@pytest.mark.real("mosquitto")
def test_a_tag_that_is_not_there(on_mosquitto: Publisher, images: ImageBuilder) -> None:
    refused = on_mosquitto.bus("announce", on_mosquitto.release(f"oci:{images.folder}:none"))
    assert (refused.status, refused.code) == (1, "reference.no-digest")
    assert retained(on_mosquitto.broker) is None


@pytest.mark.real("mosquitto")
def test_what_hosts_would_not_accept_is_not_announced(
    on_mosquitto: Publisher, image: str, tmp_path: Path
) -> None:
    release = on_mosquitto.release(image)
    wrong_policy = ("--identity", "somebody-else@example.org", "--issuer", ISSUER)
    refused = on_mosquitto.bus("announce", release, *wrong_policy)
    assert (refused.status, refused.code) == (4, "announce.unverified")
    other_root = tmp_path / "other_root.json"
    other_root.write_text(LocalSigstore.create().trusted_root_json())
    refused = on_mosquitto.bus("announce", release, "--trusted-root", str(other_root))
    assert (refused.status, refused.code) == (4, "announce.unverified")
    assert retained(on_mosquitto.broker) is None


@pytest.mark.real("mosquitto")
def test_a_change_of_signer_is_not_made_unasked(on_mosquitto: Publisher, image: str) -> None:
    release = on_mosquitto.release(image)
    succeeded(on_mosquitto.bus("announce", release))
    before = retained(on_mosquitto.broker)
    stranger = on_mosquitto.signing_as(STRANGER)
    refused = [stranger.bus("announce", release), stranger.bus("hold", "os/stable")]
    assert [(ran.status, ran.code) for ran in refused] == [(4, "signature.identity")] * 2
    assert retained(on_mosquitto.broker) == before
    both = (*POLICY, "--identity", "stranger@example.org", "--issuer", ISSUER)
    assert succeeded(stranger.bus("announce", release, *both)).document["sequence"] == 2


@pytest.mark.real("mosquitto")
def test_the_same_workflow_at_another_tag_is_the_same_signer(on_mosquitto: Publisher, image: str) -> None:
    release = on_mosquitto.release(image)
    for sequence, ref in enumerate(("refs/tags/v1", "refs/tags/v2"), start=1):
        workflow = on_mosquitto.signing_as(github_claims("acme/os", ref=ref))
        assert succeeded(workflow.bus("announce", release)).document["sequence"] == sequence
    other = on_mosquitto.signing_as(github_claims("acme/os-fork", ref="refs/tags/v2"))
    assert other.bus("announce", release).code == "signature.identity"


@pytest.mark.real("mosquitto")
def test_nothing_is_built_on_what_does_not_verify(on_mosquitto: Publisher, image: str) -> None:
    junk = b'{"sequence": 9007199254740991}'
    leave(on_mosquitto.broker, junk)
    release = on_mosquitto.release(image)
    for command in ("hold", "resume", "revoke", "heartbeat"):
        refused = on_mosquitto.bus(command, "os/stable")
        assert (refused.status, refused.code) == (4, "signature.missing")
    refused = on_mosquitto.bus("announce", release, "--replace-unverified")
    assert (refused.status, refused.code) == (4, "signature.missing")
    assert retained(on_mosquitto.broker) == junk
    replaced = on_mosquitto.bus("announce", release, "--sequence", "5", "--replace-unverified")
    assert succeeded(replaced).document["sequence"] == 5


@pytest.mark.real("mosquitto")
def test_an_old_genuine_statement_of_another_channel_is_not_built_upon(
    on_mosquitto: Publisher, image: str
) -> None:
    release = on_mosquitto.release(image)
    succeeded(on_mosquitto.bus("sign", release, "--channel", "beta", "--sequence", "9", "-o", "beta.json"))
    leave(on_mosquitto.broker, (on_mosquitto.folder / "beta.json").read_bytes())
    refused = on_mosquitto.bus("heartbeat", "os/stable")
    assert (refused.status, refused.code) == (4, "statement.target")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.real("mosquitto")
def test_a_publish_that_the_acl_forbids_is_found_out(
    tmp_path: Path, sigstore: LocalSigstore, sigstore_url: str, image: str, protocol: str
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read tidegate/v1/channels/#\n")
    acl.chmod(0o600)
    broker = MosquittoBroker(tmp_path)
    common = broker.config.read_text()
    broker.config.write_text(f"{common}acl_file {acl}\n")
    with broker:
        publisher = a_publisher(tmp_path, sigstore, sigstore_url, broker.url)
        refused = publisher.bus("announce", publisher.release(image), "--mqtt", protocol)
    # 3.1.1 has no word for it: only reading back shows that the acknowledged statement is not there.
    assert (refused.status, refused.code) == (1, "bus.refused")


@pytest.mark.real("mosquitto")
def test_expired_statements_are_not_made_fresh_unasked(on_mosquitto: Publisher, image: str) -> None:
    release = on_mosquitto.release(image, expires_in="1s")
    succeeded(on_mosquitto.bus("announce", release))
    assert on_mosquitto.ask("verify", "--bus", "os/stable").code == "statement.expired"
    succeeded(on_mosquitto.ask("verify", "--bus", "os/stable", "--allow-expired"))
    refused = on_mosquitto.bus("heartbeat", "os/stable")
    assert (refused.status, refused.code) == (4, "statement.expired")
    renewed = on_mosquitto.bus("heartbeat", "os/stable", "--even-if-expired", "--expires-in", "1d")
    assert succeeded(renewed).document["sequence"] == 2
    succeeded(on_mosquitto.ask("verify", "--bus", "os/stable"))


@pytest.mark.real("mosquitto")
def test_operations_want_the_expected_sequence(on_mosquitto: Publisher, image: str) -> None:
    assert on_mosquitto.bus("hold", "os/stable").code == "announce.missing"
    succeeded(on_mosquitto.bus("announce", on_mosquitto.release(image)))
    refused = on_mosquitto.bus("hold", "os/stable", "--expect-sequence", "2")
    assert (refused.status, refused.code) == (1, "announce.conflict")
    succeeded(on_mosquitto.bus("hold", "os/stable", "--expect-sequence", "1"))


@pytest.mark.real("mosquitto")
def test_verify_and_inspect_files(on_mosquitto: Publisher, image: str) -> None:
    release = on_mosquitto.release(image)
    succeeded(on_mosquitto.bus("sign", release, "--sequence", "1", "-o", "bundle.json"))
    bundle = (on_mosquitto.folder / "bundle.json").read_text()
    trust = ("--trust-config", str(on_mosquitto.trust_config))
    verified = succeeded(on_mosquitto.run("verify", "-", *trust, *POLICY, stdin=bundle))
    assert verified.stdout.splitlines()[0].split() == ["result", "verified"]
    tampered = json.loads(bundle)
    tampered["dsseEnvelope"]["payload"] = tampered["dsseEnvelope"]["payload"].replace("A", "B", 1)
    refused = on_mosquitto.run("verify", "-", *trust, "--json", stdin=json.dumps(tampered))
    assert refused.status == 4
    looked = on_mosquitto.run("inspect", "bundle.json")
    assert looked.status == 0
    assert "NOT VERIFIED" in looked.stdout
    assert "NOT VERIFIED" in looked.stderr


def test_no_broker_and_no_identity(tmp_path: Path, sigstore: LocalSigstore, image: str) -> None:
    publisher = a_publisher(tmp_path, sigstore, "http://127.0.0.1:1", "mqtt://127.0.0.1:1")
    refused = publisher.bus("announce", publisher.release(image))
    assert (refused.status, refused.code) == (1, "bus.unreachable")
    trust = ("--trust-config", str(publisher.trust_config))
    refused = publisher.run("sign", "release.yaml", "--sequence", "1", "-o", "x", "--json", *trust)
    assert (refused.status, refused.code) == (1, "identity.unavailable")
    token = publisher.sigstore.oidc.mint(RELEASER, publisher.sigstore.created)
    refused = publisher.run(
        *("sign", "release.yaml", "--sequence", "1", "-o", "x", "--json", *trust), SIGSTORE_ID_TOKEN=token
    )
    assert (refused.status, refused.code) == (1, "identity.unavailable")
    token = publisher.token()
    refused = publisher.run(
        *("sign", "release.yaml", "--sequence", "1", "-o", "x", "--json", *trust), SIGSTORE_ID_TOKEN=token
    )
    assert (refused.status, refused.code) == (1, "sign.failed")
    assert not (tmp_path / "x").exists()

"""What the real publisher refuses, and that nothing changed on the broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import MosquittoBroker
from tests.support.publisher import ISSUER, POLICY, RELEASER, STRANGER, Publisher, leave, retained, succeeded
from tidegate_publisher.devstack.sigstore.claims import github_claims
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore

if TYPE_CHECKING:
    from pathlib import Path


def test_a_lower_sequence_is_refused_and_nothing_changes(publisher: Publisher, image: str) -> None:
    release = publisher.release(image)
    succeeded(publisher.bus("announce", release, "--sequence", "7"))
    before = retained(publisher.broker)
    for sequence in ("6", "7"):
        refused = publisher.bus("announce", release, "--sequence", sequence)
        assert (refused.status, refused.code) == (4, "sequence.lower")
    assert retained(publisher.broker) == before
    assert succeeded(publisher.bus("announce", release)).document["sequence"] == 8


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
    themselves = ("--identity", "stranger@example.org", "--issuer", ISSUER)
    refused = [stranger.bus("announce", release), stranger.bus("hold", "os/stable", *themselves)]
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
        expected = () if command in {"hold", "revoke"} else ("--trust-broker",)
        refused = on_mosquitto.bus(command, "os/stable", *POLICY, *expected)
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
    refused = on_mosquitto.bus("heartbeat", "os/stable", *POLICY, "--trust-broker")
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
        publisher = Publisher.on(tmp_path, sigstore, sigstore_url, broker.url)
        refused = publisher.bus("announce", publisher.release(image), "--mqtt", protocol)
    # 3.1.1 has no word for it: only reading back shows that the acknowledged statement is not there.
    assert (refused.status, refused.code) == (1, "bus.refused")


@pytest.mark.real("mosquitto")
def test_expired_statements_are_not_made_fresh_unasked(on_mosquitto: Publisher, image: str) -> None:
    release = on_mosquitto.release(image, expires_in="1s")
    succeeded(on_mosquitto.bus("announce", release))
    assert on_mosquitto.ask("verify", "--bus", "os/stable").code == "statement.expired"
    succeeded(on_mosquitto.ask("verify", "--bus", "os/stable", "--allow-expired"))
    heartbeat = ("heartbeat", "os/stable", *POLICY, "--expect-sequence", "1")
    refused = on_mosquitto.bus(*heartbeat)
    assert (refused.status, refused.code) == (4, "statement.expired")
    renewed = on_mosquitto.bus(*heartbeat, "--even-if-expired", "--expires-in", "1d")
    assert succeeded(renewed).document["sequence"] == 2
    succeeded(on_mosquitto.ask("verify", "--bus", "os/stable"))


@pytest.mark.real("mosquitto")
def test_operations_want_the_expected_sequence(on_mosquitto: Publisher, image: str) -> None:
    hold = ("hold", "os/stable", *POLICY)
    assert on_mosquitto.bus(*hold).code == "announce.missing"
    succeeded(on_mosquitto.bus("announce", on_mosquitto.release(image)))
    refused = on_mosquitto.bus(*hold, "--expect-sequence", "2")
    assert (refused.status, refused.code) == (1, "announce.conflict")
    succeeded(on_mosquitto.bus(*hold, "--expect-sequence", "1"))


def test_no_broker_and_no_identity(tmp_path: Path, sigstore: LocalSigstore, image: str) -> None:
    publisher = Publisher.on(tmp_path, sigstore, "http://127.0.0.1:1", "mqtt://127.0.0.1:1")
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

"""Announcing, steering and verifying with the real publisher on real brokers."""

from __future__ import annotations

import json

import pytest

from tests.support.layouts import ImageBuilder, file
from tests.support.publisher import ISSUER, POLICY, Publisher, retained, succeeded


def test_announce_then_steer_then_verify(publisher: Publisher, image: str) -> None:
    announced = succeeded(publisher.bus("announce", publisher.release(image), *POLICY)).document
    assert announced["sequence"] == 1
    assert announced["changed"] is True
    assert announced["resolvedTag"] == "v1"
    assert announced["signer"] == {"identity": "release@example.org", "issuer": ISSUER}

    states: list[tuple[str, int, str, bool]] = []
    for command in ("hold", "hold", "resume", "heartbeat", "revoke"):
        last = str(states[-1][1] if states else announced["sequence"])
        document = succeeded(publisher.bus(command, "os/stable", *POLICY, "--expect-sequence", last)).document
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
    assert publisher.bus("resume", "os/stable", *POLICY, "--expect-sequence", "5").code == "rollout.final"


@pytest.mark.real("mosquitto")
def test_waves_are_opened_one_after_another(on_mosquitto: Publisher, image: str) -> None:
    waves = [{"name": "canary", "fraction": 0.1, "open": True}, {"name": "tenth"}, {"name": "rest"}]
    release = on_mosquitto.release(image, rollout={"waves": waves})
    announced = succeeded(on_mosquitto.bus("announce", release, *POLICY)).document
    seen = []
    for words in ((), ("rest",), ("rest",), ()):
        document = succeeded(
            on_mosquitto.bus("promote", "os/stable", *words, *POLICY, "--trust-broker")
        ).document
        opened = [wave["name"] for wave in document["rollout"]["waves"] if wave["open"]]
        seen.append((document["sequence"], opened, document["changed"]))
        assert document["rollout"]["seed"] == announced["rollout"]["seed"]
    assert seen == [
        (2, ["canary", "tenth"], True),
        (3, ["canary", "tenth", "rest"], True),
        (3, ["canary", "tenth", "rest"], False),
        (3, ["canary", "tenth", "rest"], False),
    ]
    refused = on_mosquitto.bus("promote", "os/stable", "nobody", *POLICY, "--trust-broker")
    assert (refused.status, refused.code) == (1, "rollout.wave")
    assert "its waves are canary, tenth, rest" in refused.document["reason"]


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

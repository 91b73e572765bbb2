"""A fleet without Sigstore: a key pair from its making to a host that acts on what it signed."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.host_words import a_follow, says
from tests.support.publisher import Publisher, retained, succeeded
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.errors import RefusedError
from tidegate_agent.model import Follow
from tidegate_schemas.codes import Code
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings
from tidegate_wire.trust.settings import SignerSettings, policy_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.publisher import Ran

pytestmark = pytest.mark.real("mosquitto")

FOLLOW = Follow("os", "stable")
PASSWORD = {"TIDEGATE_KEY_PASSWORD": "Tr0ub4dor & 3"}


def host(*keys: Path, threshold: int = 1) -> ChildVerifier:
    """A host that trusts these keys and has no trusted root at all."""
    signers = tuple(SignerSettings(key=key) for key in keys)
    return ChildVerifier(VerifyingChild(None), {FOLLOW.key: policy_of(signers, threshold)})


def run(publisher: Publisher, command: str, *words: str, **environment: str) -> Ran:
    """A command of somebody who has neither a Sigstore nor an identity."""
    options = ("--json", "--broker", publisher.broker, "--timeout", "8")
    return publisher.run(command, *words, *options, **environment)


def held(publisher: Publisher) -> bytes:
    message = retained(publisher.broker)
    assert message is not None
    return message


def test_an_encrypted_key_from_start_to_end(on_mosquitto: Publisher, image: str) -> None:
    folder = on_mosquitto.folder
    made = succeeded(on_mosquitto.run("keygen", "release", "--json", **PASSWORD)).document
    assert made["encrypted"] is True
    again = on_mosquitto.run("keygen", "release", "--json", **PASSWORD)
    assert (again.status, again.code) == (2, "config.value")

    release, key = on_mosquitto.release(image), ("--key", "release.key")
    for environment in ({}, {"TIDEGATE_KEY_PASSWORD": "guess"}):
        refused = run(on_mosquitto, "announce", release, *key, **environment)
        assert (refused.status, refused.code) == (4, "trust.key-unusable")
    assert retained(on_mosquitto.broker) is None

    announced = succeeded(run(on_mosquitto, "announce", release, *key, **PASSWORD)).document
    assert announced["signer"] == {"identity": "release.key", "issuer": "a key pair"}
    ours = host(folder / "release.pub")
    assert ours.verify(FOLLOW, held(on_mosquitto)).enough

    for sequence, command in enumerate(("hold", "resume", "heartbeat", "revoke"), start=2):
        environment = {"TIDEGATE_KEY": "release.key", **PASSWORD}
        words = (command, "os/stable", "--expect-sequence", str(sequence - 1))
        done = succeeded(run(on_mosquitto, *words, **environment)).document
        assert done["sequence"] == sequence
        assert ours.verify(FOLLOW, held(on_mosquitto)).enough

    (folder / "signers.toml").write_text('[[signers]]\nkey = "release.pub"\n')
    verified = run(on_mosquitto, "verify", "--bus", "os/stable", TIDEGATE_SIGNERS="signers.toml")
    assert succeeded(verified).document["signerCompared"] is True
    unsaid = run(on_mosquitto, "verify", "--bus", "os/stable")
    assert (unsaid.status, unsaid.code) == (4, "trust.policy-empty")


def test_another_key_is_refused_by_publisher_and_host(on_mosquitto: Publisher, image: str) -> None:
    for name in ("ours", "theirs"):
        succeeded(on_mosquitto.run("keygen", name))
    release = on_mosquitto.release(image)
    succeeded(run(on_mosquitto, "announce", release, "--key", "ours.key"))
    before = held(on_mosquitto)
    refused = run(on_mosquitto, "announce", release, "--key", "theirs.key")
    assert (refused.status, refused.code) == (4, "signature.identity")
    (on_mosquitto.folder / "signers.toml").write_text('[[signers]]\nkey = "ours.pub"\n')
    signers = ("--signers", "signers.toml")
    refused = run(on_mosquitto, "announce", release, "--key", "theirs.key", *signers)
    assert (refused.status, refused.code) == (4, "announce.unverified")
    assert held(on_mosquitto) == before
    with pytest.raises(RefusedError) as caught:
        host(on_mosquitto.folder / "theirs.pub").verify(FOLLOW, before)
    assert caught.value.code is Code.SIGNATURE_IDENTITY


@pytest.mark.real("openssl")
def test_two_of_two_keys_one_of_them_made_with_openssl(on_mosquitto: Publisher, image: str) -> None:
    folder, program = on_mosquitto.folder, shutil.which("openssl") or "openssl"
    succeeded(on_mosquitto.run("keygen", "ours"))
    for words in (
        ("ecparam", "-name", "prime256v1", "-genkey", "-out", "theirs.key"),
        ("pkey", "-in", "theirs.key", "-pubout", "-out", "theirs.pub"),
    ):
        subprocess.run([program, *words], cwd=folder, check=True, capture_output=True)
    tables = "".join(f'[[signers]]\nkey = "{name}.pub"\n' for name in ("ours", "theirs"))
    (folder / "signers.toml").write_text(f"threshold = 2\n{tables}")
    environment = {"TIDEGATE_SIGNERS": "signers.toml"}
    words = ("--sequence", "1", "--key", "ours.key", "-o", "one.json")
    succeeded(run(on_mosquitto, "sign", on_mosquitto.release(image), *words, **environment))
    added = ("one.json", "--key", "theirs.key", "--yes", "-o", "both.json")
    succeeded(run(on_mosquitto, "countersign", *added, **environment))
    succeeded(run(on_mosquitto, "announce", "--bundle", "both.json", **environment))
    both = host(folder / "ours.pub", folder / "theirs.pub", threshold=2)
    assert both.verify(FOLLOW, held(on_mosquitto)).enough


def test_a_public_half_verifies_where_something_is_only_looked_at(
    on_mosquitto: Publisher, image: str
) -> None:
    for name in ("ours", "theirs"):
        succeeded(on_mosquitto.run("keygen", name))
    succeeded(run(on_mosquitto, "announce", on_mosquitto.release(image), "--key", "ours.key"))
    for words in (("rollout", "status", "os/stable"), ("verify", "--bus", "os/stable")):
        succeeded(run(on_mosquitto, *words, "--key", "ours.pub"))
        refused = run(on_mosquitto, *words, "--key", "theirs.pub")
        assert (refused.status, refused.code) == (4, "signature.identity")
    with PublisherSession(BusSettings(url=on_mosquitto.broker)) as session:
        session.publish(Topics().status("edge-1"), says(a_follow()).to_json(), retain=True)
    listed = run(on_mosquitto, "fleet", "--key", "ours.pub")
    assert listed.status == 0
    (channel,) = [one for one in map(json.loads, listed.stdout.splitlines()) if one["type"] == "channel"]
    assert channel["announced"]["verified"] is True


def test_who_has_to_hold_in_a_hurry_is_told_first_that_a_key_is_missing(
    on_mosquitto: Publisher, image: str
) -> None:
    folder = on_mosquitto.folder
    succeeded(on_mosquitto.run("keygen", "release"))
    succeeded(run(on_mosquitto, "announce", on_mosquitto.release(image), "--key", "release.key"))
    (folder / "signers.toml").write_text('[[signers]]\nkey = "release.pub"\n')
    ended = run(on_mosquitto, "hold", "os/stable", TIDEGATE_SIGNERS="signers.toml")
    assert (ended.status, ended.code) == (2, "usage")
    assert "your signers are keys (signers.toml): give --key FILE" in ended.document["reason"]

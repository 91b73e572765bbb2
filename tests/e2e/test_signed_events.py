"""A host signs what it tells; an operator who has its public key is not fooled by anybody else."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.signer import FakeSigner
from tests.support.site import HOST, site
from tests.support.softhsm import SoftHsm
from tests.support.statements import an_event
from tests.support.waiting import wait_until
from tidegate_schemas.envelope import EventSignatureError
from tidegate_schemas.events import Step, encode
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.messages import Version
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.trust.device import read_keys, verify_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.broker_kinds import Kind
    from tests.support.site import Site
    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_wire.mqtt.settings import BusSettings
    from tidegate_wire.trust.device import DeviceKey

pytestmark = [pytest.mark.real("mosquitto"), pytest.mark.real("nats-server")]

EVENTS = Topics().events(HOST)


def enrol(here: Site, folder: Path) -> DeviceKey:
    """Take over the host's public key, as an operator does."""
    folder.mkdir()
    done = here.host.command("device-key")
    assert done.returncode == 0, done.stderr
    (folder / f"{HOST}.pem").write_text(done.stdout)
    [key] = read_keys(done.stdout, "device-key")
    return key


def create(here: Site) -> None:
    done = here.host.command("device-key", "--create")
    assert done.returncode == 0, done.stderr


def key_table(folder: Path) -> dict[str, object]:
    return {"events": {"device_key": str(folder / "device.key")}}


@contextmanager
def following(here: Site, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`tidegate events`, once it is subscribed."""
    script = Path(sys.executable).with_name("tidegate")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [script, "events", "--broker", here.broker.url, *words], stdout=stream, stderr=stream
        )
    try:
        wait_until(lambda: b"following" in log.read_bytes(), "tidegate events follows", 30)
        yield process
    finally:
        process.kill()
        process.wait()


def forge(settings: BusSettings, signer: FakeSigner, step: Step) -> None:
    """What an attacker who may write to the host's topic says in its name: unsigned, and with another key."""
    event = an_event(step).model_copy(update={"id": f"{HOST}/os/stable/1/1/{step}-forged"})
    with PublisherSession(settings) as session:
        plain = encode(event, binary=session.protocol is Version.V5)
        session.publish(EVENTS, plain.payload, content_type=plain.content_type, properties=plain.properties)
        session.publish(EVENTS, signer.sealed(event.to_json()))


@pytest.mark.parametrize("kind", ["mosquitto-5", "mosquitto-3.1.1", "nats"])
def test_only_the_hosts_own_word_counts(tmp_path: Path, sigstore: LocalSigstore, kind: Kind) -> None:
    log, keys = tmp_path / "events.log", tmp_path / "keys"
    with site(tmp_path, sigstore, kind, tables=key_table(tmp_path), started=False) as here, here.host.ended():
        create(here)
        key = enrol(here, keys)
        words = ("--device-keys", str(keys), "--product", "os", "--channel", "stable", "--sequence", "1")
        with following(here, log, *words, "--until", "succeeded", "--for", "60s") as operator:
            forge(here.channel.settings, FakeSigner(), Step.SUCCEEDED)
            forge(here.channel.settings, FakeSigner(), Step.FAILED)
            here.host.start()
            digest = here.images.release("1")
            here.channel.announce(digest)
            assert operator.wait(60) == 0, log.read_text()
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        genuine = [raw for raw in here.watcher.messages if _by(key, raw)]
        wait_until(lambda: here.watcher.status.device_key == key.id, "the status names the key")
    shown = log.read_text()
    assert shown.count("an event does not count: it is not signed [event.signature]") == 1
    told = [line for line in shown.splitlines() if "os/stable" in line]
    assert [line for line in told if not line.endswith("(signature verified)")] == []
    assert len(told) == len(genuine)
    assert len(here.watcher.messages) == len(genuine) + 4


def _by(key: DeviceKey, raw: bytes) -> bool:
    try:
        verify_event(raw, [key])
    except EventSignatureError:
        return False
    return True


def test_a_fleet_that_does_not_sign_counts_only_for_who_does_not_ask(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / f"{HOST}.pem").write_text(FakeSigner().pem)
    strict, lenient = tmp_path / "strict.log", tmp_path / "lenient.log"
    until = ("--until", "succeeded", "--for")
    with (
        site(tmp_path, sigstore) as here,
        following(here, strict, "--device-keys", str(keys), *until, "6s") as asking,
        following(here, lenient, *until, "60s") as trusting,
    ):
        here.channel.announce(here.images.release("1"))
        assert trusting.wait(60) == 0, lenient.read_text()
        assert asking.wait(60) == 3, strict.read_text()
    assert strict.read_text().count("[event.signature]") == 1
    assert "without --sequence an old event" in strict.read_text()
    assert "0 of 1 hosts came to succeeded" in strict.read_text()
    assert "signature" not in lenient.read_text()


def test_events_wait_for_a_lost_key_over_a_power_cut_and_then_come_signed(
    tmp_path: Path, sigstore: LocalSigstore
) -> None:
    with site(tmp_path, sigstore, tables=key_table(tmp_path), started=False) as here, here.host.ended():
        here.host.start()
        digest = here.images.release("1")
        here.channel.announce(digest)
        # The update itself does not wait for the key.
        wait_until(lambda: here.host.follow().state == "succeeded", "the host is up to date", 30)
        assert here.watcher.messages == []
        before = [event.id for event in here.host.history()]
        here.host.kill()
        assert here.host.log.read_text().count("[event.signing]") == 1
        create(here)
        key = enrol(here, tmp_path / "keys")
        here.host.start()
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        assert [event.id for event in here.watcher.events] == before
        assert all(_by(key, raw) for raw in here.watcher.messages)


def test_a_key_that_comes_back_is_found_without_a_restart(tmp_path: Path, sigstore: LocalSigstore) -> None:
    with site(tmp_path, sigstore, tables=key_table(tmp_path)) as here:
        wait_until(lambda: "[event.signing]" in here.host.log.read_text(), "the fault is told")
        digest = here.images.release("1")
        here.channel.announce(digest)
        wait_until(lambda: here.host.follow().state == "succeeded", "the host is up to date", 30)
        create(here)
        key = enrol(here, tmp_path / "keys")
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        assert all(_by(key, raw) for raw in here.watcher.messages)


@pytest.mark.real("softhsm2-util")
def test_a_key_in_a_token_signs(
    tmp_path: Path, sigstore: LocalSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hsm = SoftHsm(tmp_path / "hsm", monkeypatch)
    place = hsm.place
    table = {
        "module": str(place.module),
        "token": place.token,
        "label": place.label,
        "pin_file": str(place.pin_file),
    }
    with (
        site(tmp_path, sigstore, tables={"events": {"pkcs11": table}}, started=False) as here,
        here.host.ended(),
    ):
        # Where SoftHSM looks without its environment variable.
        home = here.host.directory / ".config" / "softhsm2"
        home.mkdir(parents=True)
        (home / "softhsm2.conf").write_text(Path(hsm.environment["SOFTHSM2_CONF"]).read_text())
        create(here)
        key = enrol(here, tmp_path / "keys")
        here.host.start()
        digest = here.images.release("1")
        here.channel.announce(digest)
        here.watcher.wait_for(Step.SUCCEEDED, digest)
        assert here.watcher.messages
        assert all(_by(key, raw) for raw in here.watcher.messages)

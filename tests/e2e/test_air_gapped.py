"""A host that no network reaches is updated from what a person carried to it, and believes no more for it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.agent_process import AgentHost
from tests.support.channel import Channel
from tests.support.layouts import ImageBuilder, file
from tests.support.waiting import wait_until
from tidegate_schemas.codes import Code
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port on which nobody listens, neither broker nor registry."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def channel(sigstore: LocalSigstore, nobody: str) -> Channel:
    """Whoever signs, elsewhere. The statement names a registry, as for hosts with a network."""
    return Channel(BusSettings(url=f"mqtt://{nobody}"), sigstore, f"{nobody}/fleet/os")


def host_of(tmp_path: Path, channel: Channel, **tables: object) -> AgentHost:
    return AgentHost(tmp_path / "host", channel.settings, channel.sigstore, tables=tables)


def release(tmp_path: Path, channel: Channel, version: str) -> tuple[str, Path, Path]:
    """An image in a layout and its announcement in a file: what is carried."""
    builder = ImageBuilder(tmp_path / version).layer([file("version", version.encode())])
    digest = builder.build(version)
    channel.sequence += 1
    bundle = tmp_path / f"{version}.json"
    bundle.write_bytes(channel.sign(channel.statement(digest)))
    return digest, builder.folder, bundle


def test_image_and_announcement_are_all_it_takes(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    digest, layout, bundle = release(tmp_path, channel, "v1")
    with host.running():
        done = host.command("apply", str(layout), "--bundle", str(bundle))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"image: {digest}, version 1.0" in done.stdout
        assert "os/stable: taken up" in done.stdout
        wait_until(lambda: host.switches == [digest], "the image runs")
        assert (host.rootfs / "version").read_text() == "v1"


def test_now_does_not_wait_for_the_window(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel, window=[{"cron": "0 0 1 1 *", "duration": "1m", "timezone": "UTC"}])
    digest, layout, bundle = release(tmp_path, channel, "v1")
    with host.running():
        assert host.command("apply", str(layout), "--bundle", str(bundle)).returncode == 0
        wait_until(lambda: host.follow().staged == digest, "the image waits for its window")
        assert host.switches == []
        assert host.command("apply", str(layout), "--bundle", str(bundle), "--now").returncode == 0
        wait_until(lambda: host.switches == [digest], "the image runs")


def test_what_is_not_signed_as_this_host_asks_is_refused(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    digest, layout, bundle = release(tmp_path, channel, "v1")
    bundle.write_bytes(channel.sign(channel.statement(digest), email="mallory@example.org"))
    with host.running():
        done = host.command("apply", str(layout), "--bundle", str(bundle), "--now")
        assert done.returncode == 1
        assert f"[{Code.SIGNATURE_IDENTITY}]" in done.stderr
        assert host.follow().current is None


def test_an_image_that_is_not_in_the_layout_is_missed_at_once(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    _, layout, _ = release(tmp_path, channel, "v1")
    _, _, bundle = release(tmp_path, channel, "v2")
    with host.running():
        done = host.command("apply", str(layout), "--bundle", str(bundle))
        assert done.returncode == 1
        assert f"[{Code.IMAGE_NOT_FOUND}]" in done.stderr


def test_a_layout_whose_bytes_were_changed_on_the_way_is_refused(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    _, layout, bundle = release(tmp_path, channel, "v1")
    for blob in (layout / "blobs/sha256").iterdir():
        if not blob.read_bytes().startswith(b"{"):
            blob.write_bytes(blob.read_bytes()[::-1])
    with host.running():
        assert host.command("apply", str(layout), "--bundle", str(bundle)).returncode == 0
        wait_until(
            lambda: any(event.data.code is Code.IMAGE_DIGEST_MISMATCH for event in host.history()),
            "the layer is refused",
        )
        assert host.switches == []


def test_an_older_announcement_is_no_way_back(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    _, old_layout, old_bundle = release(tmp_path, channel, "v1")
    digest, layout, bundle = release(tmp_path, channel, "v2")
    with host.running():
        assert host.command("apply", str(layout), "--bundle", str(bundle)).returncode == 0
        wait_until(lambda: host.switches == [digest], "the newer image runs")
        done = host.command("apply", str(old_layout), "--bundle", str(old_bundle), "--now")
        assert done.returncode == 1
        assert f"[{Code.STATEMENT_ROLLBACK}]" in done.stderr or f"[{Code.SEQUENCE_LOWER}]" in done.stderr


def test_without_an_agent_nothing_is_taken_up(tmp_path: Path, channel: Channel) -> None:
    host = host_of(tmp_path, channel)
    _, layout, bundle = release(tmp_path, channel, "v1")
    done = host.command("apply", str(layout), "--bundle", str(bundle))
    assert done.returncode == 1
    assert f"[{Code.CONTROL_UNREACHABLE}]" in done.stderr

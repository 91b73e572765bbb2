"""One host, its broker, its publisher and its watcher: all that the whole chain needs, all of it real.

with site(tmp_path, sigstore) as here:
    v1 = here.images.release("1")
    here.channel.announce(v1)
    here.watcher.wait_for(Step.SUCCEEDED, v1)
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.agent_process import AgentHost
from tests.support.broker_kinds import Kind, premises
from tests.support.brokers import Broker
from tests.support.channel import Channel
from tests.support.layouts import ImageBuilder, Item, directory, file, symlink
from tests.support.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tidegate_publisher.devstack.sigstore import LocalSigstore

HOST = "edge-1"


class Images(ImageBuilder):
    """Releases of a small operating system, in one OCI layout."""

    def release(self, version: str, *more: Item, build_tag: str | None = None) -> str:
        """Two layers: what all versions share, and what tells them apart; the digest."""
        self.layer([directory("usr"), directory("usr/bin"), file("usr/bin/app", b"#!/bin/sh\n", mode=0o755)])
        upper = [directory("etc"), file("etc/version", version.encode()), symlink("app", "usr/bin/app")]
        return self.layer([*upper, *more], "zstd").build(build_tag or version)

    def sick_release(self, version: str) -> str:
        """A release that fails its health check."""
        return self.release(version, file("etc/sick", b"yes"))


@dataclass
class Site:
    """See the module's docstring. The agent runs; the broker is up."""

    broker: Broker
    host: AgentHost
    channel: Channel
    watcher: Watcher
    images: Images

    def version(self) -> str:
        """The version of the running tree, read from its disk."""
        return (self.host.rootfs / "etc" / "version").read_text()


@contextlib.contextmanager
def site(
    folder: Path,
    sigstore: LocalSigstore,
    kind: Kind = "mosquitto-5",
    *,
    reference: str | None = None,
    embedded: Mapping[str, object] | None = None,
    follow: Mapping[str, object] | None = None,
    tables: Mapping[str, Any] | None = None,
    started: bool = True,
    launcher: Sequence[str] = (),
) -> Iterator[Site]:
    """A whole site below a folder.

    Args:
        folder: holds everything.
        sigstore: who signs, and whom the host trusts.
        kind: of the broker.
        reference: where images are pulled from; the layout, if None.
        embedded: more keys for the host's image engine.
        follow: more keys for what the host follows.
        tables: more tables for the host's configuration.
        started: whether the agent runs from the beginning; else the test starts it.
        launcher: words to put before the agent's command.
    """
    made = premises(kind, folder)
    images = Images(folder / "layout")
    with made.broker:
        watching = made.identified("watcher")
        with Watcher(watching, HOST, "watcher" if made.named else None) as watcher:
            host = AgentHost(
                folder / "host",
                made.identified(HOST),
                sigstore,
                embedded=embedded,
                follow=follow,
                tables=tables,
                launcher=launcher,
            )
            publisher = made.identified("publisher")
            place = reference or f"oci:{images.folder}"
            channel = Channel(publisher, sigstore, place, "publisher" if made.named else None)
            with host.running() if started else host.ended():
                yield Site(made.broker, host, channel, watcher, images)

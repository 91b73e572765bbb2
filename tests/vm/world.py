"""All that the virtual machine meets: broker, registry, Sigstore and publisher, all on loopback.

with world(folder, artefacts) as here:
    v2 = here.announce("2")
    here.watcher.wait_for(Step.SUCCEEDED, v2, 600)
"""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.brokers import MosquittoBroker
from tests.support.publisher import ISSUER, RELEASER, Publisher, succeeded
from tests.support.registries import RealRegistry
from tests.support.skopeo import push
from tests.support.toml import toml
from tests.support.watching import Watcher
from tests.vm import disk, images, rootfs
from tests.vm.machine import HOST, Machine
from tests.vm.timeline import Timeline
from tidegate_publisher.devstack.sigstore import LocalSigstore
from tidegate_publisher.devstack.sigstore.service.server import serve
from tidegate_schemas.events import UpdateEvent
from tidegate_wire.mqtt.settings import BusSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "vm-1"
REPOSITORY = "registry.example/fleet/os"
"""What releases say; a registries.conf here and one in the guest say where that is."""


class Told(list[UpdateEvent]):
    """Events as they come, each noted in the timeline."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self._timeline = timeline

    def append(self, event: UpdateEvent) -> None:
        """Keep and note one."""
        super().append(event)
        data = event.data.model_dump(mode="json", exclude_none=True)
        known = ("version", "code", "reason", "attempt", "bytes_fetched")
        self._timeline.note("host", event.data.step, **{key: data[key] for key in known if key in data})


@dataclass
class World:
    """See the module's docstring. The machine runs.

    Attributes:
        digests: of the images, by version.
    """

    machine: Machine
    watcher: Watcher
    publisher: Publisher
    timeline: Timeline
    digests: dict[str, str]

    def announce(self, version: str, called: str | None = None) -> str:
        """Sign and announce a release as CI does, with the real `tidegate announce`; the image's digest.

        Args:
            version: of the image.
            called: what the release calls it; the same, if None. To announce the same again changes nothing.
        """
        digest = self.digests[version]
        name = self.publisher.release(f"{REPOSITORY}@{digest}", version=called or version)
        mirrors = str(self.publisher.folder / "registries.conf")
        succeeded(self.publisher.bus("announce", name, CONTAINERS_REGISTRIES_CONF=mirrors))
        self.timeline.note("publisher", f"announced {version}")
        return digest

    def configure(self, name: str, settings: Mapping[str, Any]) -> None:
        """Edit the host's own configuration as an administrator would, and restart the agent."""
        words = shlex.quote(toml(settings))
        path = f"/etc/tidegate/agent.toml.d/{name}.toml"
        shell = self.machine.shell()
        shell.run(f"printf %s {words} > {path}; sync; systemctl restart tidegate-agent")


@contextlib.contextmanager
def world(folder: Path, artefacts: Path) -> Iterator[World]:
    """A machine that runs version 1, and all around it.

    Args:
        folder: for what is needed in between.
        artefacts: where the serial log and the timeline are left.
    """
    timeline = Timeline(artefacts / "timeline.jsonl")
    made = images.make(folder, rootfs.base())
    timeline.note("builder", "images made")
    sigstore = LocalSigstore.create()
    with (
        MosquittoBroker(folder) as broker,
        RealRegistry(folder) as registry,
        serve(sigstore) as sigstore_url,
        Watcher(BusSettings(url=broker.url), NAME, delivered=Told(timeline)) as watcher,
    ):
        for version in made.digests:
            push(made.layout, f"v{version}", f"{registry.host}/fleet/os")
        etc = _settle(folder / "etc", broker.port, registry.host.rpartition(":")[2], sigstore)
        installed = disk.install(folder, made.layout, made.digests["1"], etc)
        timeline.note("builder", "version 1 installed")
        (folder / "registries.conf").write_text(_registries(registry.host))
        publisher = Publisher.on(folder, sigstore, sigstore_url, broker.url)
        with Machine(installed, artefacts, timeline) as machine:
            yield World(machine, watcher, publisher, timeline, made.digests)


def _settle(etc: Path, broker: int, registry: str, sigstore: LocalSigstore) -> Path:
    """Write what is this host's own in /etc."""
    (etc / "tidegate/agent.toml.d").mkdir(parents=True)
    (etc / "containers").mkdir()
    (etc / "hostname").write_text(f"{NAME}\n")
    (etc / "tidegate/trusted_root.json").write_text(sigstore.trusted_root_json())
    (etc / "tidegate/agent.toml.d/50-site.toml").write_text(toml(_configuration(broker)))
    (etc / "containers/registries.conf").write_text(_registries(f"{HOST}:{registry}"))
    return etc


def _registries(location: str) -> str:
    """Where the registry of the releases is, for somebody."""
    return f'[[registry]]\nprefix = "registry.example"\nlocation = "{location}"\ninsecure = true\n'


def _configuration(broker: int) -> dict[str, Any]:
    """The agent's settings. Emulation is slow, and its times are long."""
    check = {"name": "well", "command": ["/usr/bin/test", "!", "-e", f"/{images.SICK}"]}
    signer = {"identity": str(RELEASER["email"]), "issuer": ISSUER}
    engine = {"stateroot": disk.OS_NAME, "registries_conf": "/etc/containers/registries.conf"}
    return {
        "host": {"id": NAME},
        "bus": {"url": f"mqtt://{HOST}:{broker}", "keepalive_s": 30},
        "trust": {"root": "/etc/tidegate/trusted_root.json"},
        "follow": [
            {"product": "os", "channel": "stable", "engine": "ostree", "signers": [signer], "ostree": engine}
        ],
        "stage": {"retry_initial": "5s", "retry_maximum": "20s"},
        "activate": {"splay": "0s", "boot_deadline": "4m", "boot_counting": "grub"},
        "health": {"timeout": "3m", "attempts": 2, "interval": "2s", "check": [check]},
        "verify": {"timeout_s": 300},
    }

"""The real `tidegate-agent`: its console script in a process of its own, on a host that is a directory.

host = AgentHost(tmp_path / "host", broker_settings, sigstore)
with host.running():
    ...
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.bundles import PERSON
from tests.support.toml import toml
from tests.support.waiting import wait_until
from tidegate_agent.adapters import control_unix
from tidegate_agent.errors import ControlError
from tidegate_publisher.devstack.sigstore import DEVELOPMENT_ISSUER
from tidegate_schemas.events import UpdateEvent
from tidegate_schemas.status import FollowStatus, HostStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tidegate_publisher.devstack.sigstore import LocalSigstore
    from tidegate_wire.mqtt.settings import BusSettings

SCRIPT = Path(sys.executable).with_name("tidegate-agent")


class AgentHost:
    """A host with its configuration, state and store below one directory. It follows `os/stable`.

    Args:
        directory: made if needed.
        bus: the broker, and who to be there.
        sigstore: whose root the host trusts.
        embedded: more keys of `[follow.embedded]`.
        follow: more keys of `[[follow]]`.
        tables: more tables of the configuration, each in place of the default one.
        name: the host's id.
        launcher: words to put before the agent's command: another program that runs it.

    Attributes:
        store: the embedded engine's directory.
        config: the configuration file.
        log: what the agent wrote, over all its starts.
        switches: the digests that the hook was run for, one for each switch.
    """

    def __init__(
        self,
        directory: Path,
        bus: BusSettings,
        sigstore: LocalSigstore,
        *,
        embedded: Mapping[str, object] | None = None,
        follow: Mapping[str, object] | None = None,
        tables: Mapping[str, Any] | None = None,
        name: str = "edge-1",
        launcher: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.name = name
        self._launcher = tuple(launcher)
        self.store = directory / "store"
        self.config = directory / "agent.toml"
        self.log = directory / "agent.log"
        self._switches = directory / "switches"
        self._process: subprocess.Popen[bytes] | None = None
        root = directory / "trusted_root.json"
        root.write_text(sigstore.trusted_root_json())
        self.document = self._document(bus, root, embedded or {}, follow or {}) | dict(tables or {})
        self.config.write_text(toml(self.document))

    @property
    def switches(self) -> list[str]:
        """The digests that became current, in order."""
        return self._switches.read_text().split() if self._switches.exists() else []

    @property
    def rootfs(self) -> Path:
        """The running tree."""
        return self.store / "current" / "rootfs"

    @property
    def pid(self) -> int:
        """The agent's process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the agent and wait until it takes commands."""
        assert self._process is None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._launcher, SCRIPT, "--config", self.config, "run"],
                stdout=log,
                stderr=log,
                env=self._environment(),
            )
        wait_until(lambda: self._answers() or not self.alive(), "the agent answers")
        assert self.alive(), self.log.read_text()[-3000:]

    def stop(self) -> None:
        """End it in order, as systemd does. Idempotent."""
        if self._process is not None:
            self._process.terminate()
            status = self._process.wait(30)
            self._process = None
            assert status == 0, self.log.read_text()[-3000:]

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None
        (self.directory / "run" / "control.sock").unlink(missing_ok=True)

    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return self._process is not None and self._process.poll() is None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the agent for the length of a block; the block may kill and start it."""
        with self.ended():
            self.start()
            yield

    @contextlib.contextmanager
    def ended(self) -> Iterator[None]:
        """A block that may start the agent; it is ended with the block."""
        try:
            yield
        finally:
            self.stop()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `tidegate-agent` with this host's configuration."""
        return subprocess.run(
            [SCRIPT, "--config", self.config, *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def status(self) -> HostStatus:
        """What `status --json` prints."""
        done = self.command("status", "--json")
        assert done.returncode == 0, done.stderr
        return HostStatus.model_validate_json(done.stdout)

    def follow(self) -> FollowStatus:
        """The status of the one follow."""
        return self.status().follows[0]

    def history(self) -> list[UpdateEvent]:
        """What `history --json` prints, oldest first."""
        done = self.command("history", "--json", "--limit", "10000")
        assert done.returncode == 0, done.stderr
        return [UpdateEvent.model_validate_json(line) for line in done.stdout.splitlines()]

    def rss_kib(self) -> int:
        """The memory that the agent's process holds, in KiB."""
        fields = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in fields if line.startswith("VmRSS:")))

    def stored(self) -> list[str]:
        """Every path in the store, sorted."""
        return sorted(str(path.relative_to(self.store)) for path in self.store.rglob("*"))

    def stored_bytes(self) -> int:
        """Bytes on disk below the store, each inode counted once."""
        seen = {(one.st_ino, one.st_blocks) for path in self.store.rglob("*") for one in [path.lstat()]}
        return 512 * sum(blocks for _, blocks in seen)

    def _answers(self) -> bool:
        try:
            control_unix.ask(self.directory / "run", {"command": "status"})
        except ControlError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "LC_ALL": "C.UTF-8"}

    def _document(
        self, bus: BusSettings, root: Path, embedded: Mapping[str, object], follow: Mapping[str, object]
    ) -> dict[str, Any]:
        given = bus.model_dump(mode="json", exclude_unset=True)
        hook = f'echo "$TIDEGATE_DIGEST" >> {self._switches}'
        signer = {"identity": PERSON, "issuer": DEVELOPMENT_ISSUER}
        engine = {"directory": str(self.store), "on_switch": ["/bin/sh", "-c", hook], **embedded}
        return {
            "host": {"id": self.name},
            "bus": given,
            "trust": {"root": str(root)},
            "follow": [
                {"product": "os", "channel": "stable", "signers": [signer], "embedded": engine, **follow}
            ],
            "state": {
                "directory": str(self.directory / "state"),
                "runtime_directory": str(self.directory / "run"),
                "motd_file": str(self.directory / "motd"),
            },
            "activate": {
                "splay": "0s",
                # Machines that run tests often have no NTP.
                "clock_wait": "0s",
                "hold_file": str(self.directory / "hold"),
                "inhibit_directory": str(self.directory / "inhibit.d"),
            },
            "health": {"attempts": 2, "interval": "0s", "check": [self.health_check()]},
            "stage": {"retry_initial": "1s", "retry_maximum": "2s"},
        }

    def health_check(self) -> dict[str, object]:
        """A check of the running tree: whether its file `etc/sick` is absent."""
        return {"name": "well", "command": ["/usr/bin/test", "!", "-e", str(self.rootfs / "etc" / "sick")]}

"""Where everything of the demo lies: below one directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below `root`, which is absolute."""

    root: Path

    @property
    def broker_config(self) -> Path:
        """nats-server's configuration."""
        return self.root / "broker.conf"

    @property
    def broker_data(self) -> Path:
        """What nats-server keeps: sessions and retained messages."""
        return self.root / "broker"

    @property
    def sigstore(self) -> Path:
        """The local Sigstore."""
        return self.root / "sigstore"

    @property
    def sigstore_ready(self) -> Path:
        """Written once the local Sigstore answers."""
        return self.root / "sigstore.ready"

    @property
    def trusted_root(self) -> Path:
        """What the host trusts."""
        return self.sigstore / "trusted_root.json"

    @property
    def trust_config(self) -> Path:
        """What the publisher signs with."""
        return self.sigstore / "trust_config.json"

    @property
    def images(self) -> Path:
        """The OCI layout with all versions."""
        return self.root / "images"

    @property
    def release(self) -> Path:
        """The release file."""
        return self.root / "release.yaml"

    @property
    def host_config(self) -> Path:
        """The host's /etc/tidegate."""
        return self.root / "host" / "etc"

    @property
    def window(self) -> Path:
        """The drop-in that gives the host its maintenance window."""
        return self.host_config / "agent.toml.d" / "50-window.toml"

    @property
    def state(self) -> Path:
        """The host's /var/lib/tidegate."""
        return self.root / "host" / "state"

    @property
    def runtime(self) -> Path:
        """The host's /run/tidegate."""
        return self.root / "host" / "run"

    @property
    def store(self) -> Path:
        """The embedded engine's store."""
        return self.root / "host" / "store"

    @property
    def running(self) -> Path:
        """The tree of the running image."""
        return self.store / "current" / "rootfs"

    @property
    def environment(self) -> Path:
        """Shell variables for who goes on playing."""
        return self.root / "env"

    @property
    def attacker(self) -> Path:
        """What the attacker prepares."""
        return self.root / "attacker"

    def log(self, name: str) -> Path:
        """What a program says."""
        return self.root / f"{name}.log"

    def token(self, name: str) -> Path:
        """Somebody's identity token."""
        return self.root / f"{name}.token"

"""The real `tidegate` console script in a process of its own, as release CI runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tidegate_publisher.devstack.sigstore.claims import Claims, email_claims
from tidegate_publisher.devstack.sigstore.instance import LocalSigstore
from tidegate_schemas.topics import Topics
from tidegate_wire.mqtt.session import PublisherSession
from tidegate_wire.mqtt.settings import BusSettings

RELEASER = email_claims("release@example.org")
ISSUER = str(RELEASER["iss"])
STRANGER = email_claims("stranger@example.org")
POLICY = ("--identity", "release@example.org", "--issuer", ISSUER)
TOPIC = Topics().channel("os", "stable")


@dataclass(frozen=True)
class Ran:
    """How a run ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.document["code"])


@dataclass(frozen=True)
class Publisher:
    """Runs commands against one broker and one local Sigstore, signing as `claims` say.

    Attributes:
        folder: working directory of every run.
        broker: its URL.
        sigstore: the instance whose tokens are used.
        trust_config: its client trust config, naming where it is served.
        claims: who signs.
        options: given to every command that talks to the broker.
    """

    folder: Path
    broker: str
    sigstore: LocalSigstore
    trust_config: Path
    claims: Claims = field(default_factory=lambda: RELEASER)
    options: tuple[str, ...] = ()

    @classmethod
    def on(cls, folder: Path, sigstore: LocalSigstore, sigstore_url: str, broker: str) -> Publisher:
        """One that signs with a Sigstore served at a URL."""
        trust_config = folder / "trust_config.json"
        trust_config.write_text(sigstore.client_trust_config_json(sigstore_url))
        return cls(folder, broker, sigstore, trust_config)

    def run(self, *words: str, stdin: str = "", **environment: str) -> Ran:
        """Run `tidegate` with these words and nothing else."""
        script = Path(sys.executable).with_name("tidegate")
        done = subprocess.run(
            [script, *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def token(self) -> str:
        """A fresh identity token."""
        return self.sigstore.oidc.mint(self.claims, datetime.now(UTC), timedelta(minutes=5))

    def bus(self, command: str, *words: str, **environment: str) -> Ran:
        """Run a command that signs and talks to the broker; results as JSON."""
        return self.run(
            command,
            *words,
            *("--json", "--broker", self.broker, "--timeout", "8", *self.options),
            **{
                "TIDEGATE_TRUST_CONFIG": str(self.trust_config),
                "SIGSTORE_ID_TOKEN": self.token(),
                **environment,
            },
        )

    def ask(self, command: str, *words: str, **environment: str) -> Ran:
        """Run a command that talks to the broker and signs nothing; results as JSON."""
        options = ("--json", "--broker", self.broker, "--timeout", "8", *self.options)
        return self.run(
            command, *words, *options, TIDEGATE_TRUST_CONFIG=str(self.trust_config), **environment
        )

    def signing_as(self, claims: Claims) -> Publisher:
        """The same in somebody else's name."""
        return replace(self, claims=claims)

    def release(self, image: str, **keys: object) -> str:
        """Write release.yaml for `os/stable` and return its name."""
        content = {"product": "os", "channel": "stable", "image": image, "version": "1.0", **keys}
        (self.folder / "release.yaml").write_text(json.dumps(content))
        return "release.yaml"


def succeeded(ran: Ran) -> Ran:
    """The same run, which must have ended well."""
    assert ran.status == 0, ran.stdout + ran.stderr
    return ran


def retained(url: str) -> bytes | None:
    """What a broker holds for `os/stable`."""
    with PublisherSession(BusSettings(url=url)) as session:
        return session.read_retained(TOPIC)


def leave(url: str, payload: bytes) -> None:
    """Retain anything for `os/stable`."""
    with PublisherSession(BusSettings(url=url)) as session:
        session.publish(TOPIC, payload, retain=True)

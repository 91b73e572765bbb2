"""The nouns that the agent's core and its ports share. Plain frozen data, no behaviour but its own checks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tidegate_schemas.codes import Code


@dataclass(frozen=True, slots=True)
class Follow:
    """One channel that this host follows. There is one update machine for each."""

    product: str
    channel: str

    @property
    def key(self) -> str:
        """`product/channel`: names the follow in journal, logs and commands."""
        return f"{self.product}/{self.channel}"


@dataclass(frozen=True, slots=True)
class ImageTarget:
    """What an engine is asked to stage: exactly this digest, from any of these places."""

    digest: str
    references: tuple[str, ...]
    arch: str


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far staging is. `percent` is 0 to 100; bytes count what came over the wire."""

    percent: int
    bytes_fetched: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class StageResult:
    """What staging did. `digest` is what the engine itself found staged, not what it was told."""

    digest: str
    bytes_fetched: int
    files_new: int
    files_reused: int


@dataclass(frozen=True, slots=True)
class Activation:
    """How the staged image becomes the running one: at once, or by a reboot that is still to come.

    `soft` where a restart of userspace alone brings it (systemd-soft-reboot.service(8)).
    """

    reboot_required: bool
    soft: bool = False


@dataclass(frozen=True, slots=True)
class ImageStatus:
    """The engine's truth. Digests are those that were announced; None where there is no such image.

    `rollback_queued` when the next boot would bring another image than the running one though nothing is
    staged: somebody asked the engine for a rollback, or the boot loader fell back by itself. `fault`
    is what the engine knows of a finalization that failed at the last shutdown.
    """

    current: str | None
    staged: str | None
    previous: str | None
    rollback_queued: bool = False
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do beyond the port's minimum.

    `fallback` is the command, without a shell, that makes the previous image the next boot's: for the boot
    guard, which has to manage without the agent.
    """

    reboots: bool
    soft_reboot: bool = False
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One health check's outcome. `output` is capped text for a person."""

    name: str
    passed: bool
    required: bool
    output: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """The outcome of one round of checks."""

    checks: tuple[CheckResult, ...]

    @property
    def ok(self) -> bool:
        """Whether every required check passed."""
        return all(check.passed for check in self.checks if check.required)

    @property
    def reason(self) -> str:
        """The failed required checks in one sentence, or that all is well."""
        return self._failed(required=True) or "all required checks passed"

    @property
    def warnings(self) -> str:
        """The failed checks that are only wanted, in one sentence; empty when none of them failed."""
        return self._failed(required=False)

    def _failed(self, *, required: bool) -> str:
        failed = [check for check in self.checks if check.required is required and not check.passed]
        return "; ".join(f"{check.name}: {check.output.strip() or 'failed'}" for check in failed)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not happen: a code of the registry, a sentence, and details for a machine."""

    code: Code
    reason: str
    details: dict[str, str] = field(default_factory=dict)


class Protocol(StrEnum):
    """The MQTT protocol version of a live connection."""

    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the broker. `token` comes back in the acknowledgement.

    `properties` are MQTT 5 user properties; they are dropped on 3.1.1, where the payload says everything.
    """

    token: int
    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = "application/json"
    properties: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Signatures:
    """What a device key made of some events, in their order.

    `public_key` is its public half (SubjectPublicKeyInfo, DER), `signatures` are ECDSA (DER).
    """

    public_key: bytes
    signatures: tuple[bytes, ...]

    @property
    def key_id(self) -> str:
        """The key's name on the wire: see `tidegate_schemas.base.KeyId`."""
        return hashlib.sha256(self.public_key).hexdigest()


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message from the broker, copied at the edge. Nothing about it is trusted."""

    topic: str
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verifying child's answer to a genuine message: the signed payload and who signed it.

    `signed_at_least` is the certificate's notBefore, a lower bound of the signing time, or None for a key
    pair. `enough` is False where fewer signed than the policy asks for, which will do to stop a release.
    """

    payload: bytes
    identity: str
    issuer: str
    signed_at_least: datetime | None
    enough: bool = True

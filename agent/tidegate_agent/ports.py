"""The agent's ports: what the engine needs from the outside, and nothing of how it is had.

Every adapter passes its port's contract suite (tests/contract), and so does the fake that tests use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from tidegate_agent.model import (
        Activation,
        Capabilities,
        Failure,
        Follow,
        Health,
        ImageStatus,
        ImageTarget,
        Outgoing,
        Signatures,
        StageProgress,
        StageResult,
        Verdict,
    )
    from tidegate_agent.model import Protocol as MqttProtocol
    from tidegate_agent.records import (
        Approval,
        Change,
        Damage,
        Hold,
        Ledger,
        Letter,
        Life,
        Recollection,
        Snooze,
    )
    from tidegate_agent.root_watch import RootInForce
    from tidegate_agent.update.states import Target
    from tidegate_schemas.events import UpdateEvent


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC. Anybody may set it, forward or back, by seconds or years."""
        ...

    def elapsed(self) -> timedelta:
        """Time that passes, and nobody can set: since the boot, sleep of the host included."""
        ...

    def synchronised(self) -> bool:
        """Whether something keeps the time of day in step with the world's; False where nothing says so."""
        ...


class BusListener(Protocol):
    """Who hears the bus. Called on the bus's own thread: implementations only put things on a queue."""

    def connected(self, protocol: MqttProtocol) -> None:
        """A connection is up and the subscriptions are granted: birth and outbox may go out now."""
        ...

    def disconnected(self, failure: Failure) -> None:
        """The connection is down or could not be made. The bus goes on trying by itself."""
        ...

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """A message on a subscribed topic. An oversized one is cut to `limits.STATEMENT_BYTES + 1` bytes.

        `retained` is whether it is what the broker has stored for the topic, and not merely what somebody
        publishes, be it to be stored (MQTT 5.0, 3.3.1.3; MQTT 3.1.1, 3.3.1.3).
        """
        ...

    def acknowledged(self, token: int) -> None:
        """The broker has taken over the message that was published with this token (PUBACK)."""
        ...

    def refused(self, token: int) -> None:
        """The broker does not take the message over, now or ever: it is full, say, or its rules forbid it."""
        ...


class Bus(Protocol):
    """A persistent MQTT session that reconnects by itself, with full jitter, for ever."""

    def start(self, listener: BusListener, will: Callable[[], Outgoing]) -> None:
        """Connect in the background. `will` is asked anew before every connection attempt."""
        ...

    def publish(self, message: Outgoing) -> bool:
        """Hand a message over at QoS 1; False when not connected (nothing is queued then)."""
        ...

    def resubscribe(self) -> None:
        """Ask the broker for the retained statements again; a no-op when not connected."""
        ...

    def mute(self, topics: Sequence[str]) -> None:
        """Ask for no more on these topics, until `resubscribe` or the next connection asks for all again.

        What is on its way still comes. A no-op when not connected.
        """
        ...

    def stop(self, farewell: Outgoing | None) -> None:
        """Publish the farewell if connected, disconnect in order, end the thread. Idempotent."""
        ...


class Verifier(Protocol):
    """Tells genuine from false (steps 1 to 5 of the order of verification)."""

    def verify(self, follow: Follow, payload: bytes) -> Verdict:
        """Verify a channel statement's bundle. Raises RefusedError on any doubt. Takes about 0.6 s.

        No clock enters into it: certificates and logs are judged at the time of signing. Whether the
        statement is fresh is step 6, which is `admission`'s.
        """
        ...

    def verify_request(self, payload: bytes) -> Verdict:
        """Verify a signed request to this host, in the same way. Raises RefusedError on any doubt."""
        ...


class ImageSignatures(Protocol):
    """Looks for the image's own signature (step 8 of the order of verification)."""

    def require(self, target: ImageTarget, cancelled: Callable[[], bool]) -> tuple[str, ...]:
        """Who signed the image, where policy asks for it; nobody where the announcement is enough.

        It takes at most some minutes, and ends soon after `cancelled()` turns true: after the read that is
        under way, or the verdict.

        Raises:
            TidegateError: IMAGE_UNSIGNED, IMAGE_SIGNATURE, IMAGE_SIGNATURE_FORMAT; VERIFY_FAILED or
                TRUST_ROOT_MISSING, when there is no verdict; or IMAGE_UNREACHABLE and its like, when that
                could not be found out.
            tidegate_wire.registry.source.Cancelled: it was cancelled.
        """
        ...


class EventSigner(Protocol):
    """Holds this host's device key, EC P-256. Slow: a token takes up to half a second for each signature."""

    def sign(self, payloads: Sequence[bytes]) -> Signatures:
        """Sign events, each as the payload of a DSSE envelope: ECDSA with SHA-256 over its encoding (PAE).

        With no payloads it only tells which key would sign. Raises TidegateError: EVENT_SIGNING, or
        CONFIG_MISSING for a library that is not installed.
        """
        ...


class RootKeeper(Protocol):
    """Keeps the trusted root that statements are verified against.

    `look` and `refresh` may be called from different threads; `refresh` from one at a time.
    """

    def look(self, now: datetime) -> RootInForce:
        """The root in force. Fast, and without the network. Raises TidegateError(TRUST_ROOT_MISSING)."""
        ...

    def refresh(self, now: datetime) -> RootInForce:
        """Bring the root up to date, where it comes from somewhere; the root in force afterwards.

        Takes seconds. `now` is the latest moment that is known to have passed. Raises TidegateError
        (TRUST_REFRESH_FAILED or TRUST_ROOT_MISSING), and then the root in force is the one before.
        """
        ...


class ImageEngine(Protocol):
    """Makes a verified digest the running system. Every call is safe to repeat; none is thread-safe.

    All methods raise EngineError (or another TidegateError with an `image.*` or `disk.*` code).
    """

    def status(self) -> ImageStatus:
        """The engine's truth at this moment."""
        ...

    def capabilities(self) -> Capabilities:
        """What this engine can do; constant for its lifetime."""
        ...

    def stage(
        self,
        target: ImageTarget,
        progress: Callable[[StageProgress], None],
        cancelled: Callable[[], bool],
    ) -> StageResult:
        """Fetch and lay out an image beside the running one, replacing anything staged before.

        Raises `tidegate_wire.registry.source.Cancelled` soon after `cancelled()` turns true.
        """
        ...

    def activate(self, digest: str) -> Activation:
        """Make the staged image the next one to run. Refuses when something else is staged."""
        ...

    def rollback(self, digest: str) -> Activation:
        """Return to that image, the previous one, now and after any reboot. No toggle.

        A no-op when it runs already and is the next boot's; where it runs and another one is queued, as after
        a fallback of the boot loader, it becomes the next boot's again and no reboot is required.
        """
        ...

    def discard(self) -> None:
        """Drop what is staged and what only it needed. A no-op when nothing is."""
        ...


class HealthCheck(Protocol):
    """Says whether the running system does its work."""

    def run(self) -> Health:
        """One round of all checks, within their timeouts. Never raises."""
        ...


class Host(Protocol):
    """The machine as a whole: its boot, its reboot, what holds it back."""

    def boot_id(self) -> str:
        """Changes with every (hard) boot."""
        ...

    def reboot(self, reason: str, *, soft: bool = False) -> None:
        """Ask for a reboot, of userspace alone where `soft` and the host's configuration allow it.

        Returns when it was accepted; raises EngineError(ACTIVATE_REFUSED) when not.
        """
        ...

    def inhibitors(self) -> tuple[str, ...]:
        """What forbids an activation now, each in words for a person. Empty when nothing does. Slow."""
        ...

    def sessions(self) -> tuple[str, ...]:
        """Who is logged in, each in words for a person; what cannot be told counts as somebody. Slow."""
        ...

    def tell(self, text: str) -> None:
        """Tell those who are logged in. Slow; never raises: nobody may be left to read it."""
        ...


class Network(Protocol):
    """The way to the registries, as far as it costs money."""

    def metered(self) -> str | None:
        """Why it counts as metered, for a person to read. None when it does not, or nobody can tell. Slow."""
        ...


class RebootLock(Protocol):
    """A lock that a fleet shares, so that only so many of its hosts reboot at once. Slow."""

    def acquire(self) -> str | None:
        """Take a slot, or find that this host holds one. None when it does; else why not. Never raises."""
        ...

    def release(self) -> bool:
        """Give the slot back; True when it is known not to be held by this host any more. Never raises."""
        ...


class Board(Protocol):
    """Where those who log in read what this host waits for."""

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines in place of what was shown; nothing when there are none. Never raises."""
        ...


class BootGuard(Protocol):
    """Brings the previous image back when the agent itself never comes up in the new one."""

    def arm(self, digest: str, fallback: Sequence[str]) -> None:
        """Expect this image at the next boot; `fallback` is run by a deadline that needs no agent.

        Durable when it returns. Raises EngineError(ACTIVATE_FAILED).
        """
        ...

    def disarm(self) -> None:
        """The expected image proved healthy, or is not expected any more. A no-op when nothing is armed."""
        ...

    def fired(self) -> Failure | None:
        """Why the guard (BOOT_DEADLINE), or the boot loader it armed (BOOT_FALLBACK), went back since then.

        None when neither did. The failure's details name the `digest` that was left. Raises
        EngineError(ACTIVATE_FAILED).
        """
        ...


class Timer(Protocol):
    """Wakes the engine. One alarm for each name; setting it again replaces it."""

    def wake(self, name: str, at: datetime, call: Callable[[], None]) -> None:
        """Call back when the clock shows that time, or at once if it has passed.

        For moments that people and statements name. Whoever sets one looks at it anew when the clock was set
        (`watch`). Callbacks only put things on a queue.
        """
        ...

    def after(self, name: str, pause: timedelta, call: Callable[[], None]) -> None:
        """Call back when that much time has passed, however the clock was set meanwhile."""
        ...

    def watch(self, call: Callable[[timedelta], None]) -> None:
        """Tell whenever the clock was set, soon afterwards, and by how much: negative for back."""
        ...

    def cancel(self, name: str) -> None:
        """Forget an alarm. A no-op when there is none."""
        ...

    def stop(self) -> None:
        """Forget all alarms and end the timer's thread."""
        ...


class Journal(Protocol):
    """The state on disk. Every call raises JournalError when the disk does; nothing is half written."""

    def begin(self) -> Life:
        """A life of the agent begins: its number, and how the one before ended."""
        ...

    def end(self) -> None:
        """This life ends in order."""
        ...

    def recall(self, follow: Follow) -> Recollection:
        """What was last committed for a follow."""
        ...

    def commit(self, change: Change) -> None:
        """Write a change, durably, in one transaction; of events that wait unsent, drop what is too much."""
        ...

    def unsent(self, limit: int, after: int = 0) -> Sequence[Letter]:
        """The oldest letters with tokens above `after`, in order."""
        ...

    def sent(self, token: int) -> None:
        """The broker has this letter."""
        ...

    def waiting(self) -> int:
        """How many events the broker does not have yet."""
        ...

    def dropped(self) -> int:
        """How many events were dropped unsent, because too many waited (`thinning`)."""
        ...

    def history(self, limit: int) -> Sequence[UpdateEvent]:
        """The newest events, sent or not, newest first."""
        ...

    def quarantined(self, follow: Follow) -> dict[str, Failure]:
        """Digests that are not staged again, and why."""
        ...

    def attempts(self, follow: Follow, digest: str) -> int:
        """How often this digest was tried here."""
        ...

    def target(self, follow: Follow, digest: str) -> Target | None:
        """What was asked for when this digest was last tried here; None when it never was."""
        ...

    def message(self, follow: Follow, digest: str) -> bytes | None:
        """The newest statement that announced this digest, as it came; None when it is not kept."""
        ...

    def approval(self, follow: Follow) -> Approval | None:
        """The last approval given for a follow."""
        ...

    def snooze(self, follow: Follow) -> Snooze | None:
        """The last time that an update of a follow was put off; None when there never was one."""
        ...

    def hold(self, follow: Follow) -> Hold | None:
        """The last word on whether a follow is held back; None when there never was one."""
        ...

    def keep(self, name: str, message: bytes) -> bool:
        """Keep a request until it is decided; whether it is kept now. It is not when INBOX others are."""
        ...

    def kept(self) -> Sequence[bytes]:
        """The requests that were kept and not decided, oldest first."""
        ...

    def ledger(self) -> Ledger:
        """The requests that count as used."""
        ...

    def fetched(self, period: str) -> int:
        """How many bytes were fetched in a period of the budget; 0 for one that is not known any more."""
        ...

    def clock_floor(self) -> datetime | None:
        """The latest time that was trusted."""
        ...

    def damage(self) -> Damage | None:
        """What became of the journal before this one, until it is told: it was damaged, and set aside."""
        ...

    def close(self) -> None:
        """Release the files."""
        ...

"""The closed registry of codes: every refusal, failure and error that a person or a machine can see.

A code is stable for ever; its sentence in an event may change. `docs/codes.md` is generated from this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """A reason, in the form `group.what`. The group names the piece of the chain that has to be looked at."""

    ACTIVATE_FAILED = "activate.failed"
    ACTIVATE_REFUSED = "activate.refused"
    AGENT_KILLED = "agent.killed"
    AGENT_RUNNING = "agent.running"
    ANNOUNCE_CONFLICT = "announce.conflict"
    ANNOUNCE_MISSING = "announce.missing"
    ANNOUNCE_TIMEOUT = "announce.timeout"
    ANNOUNCE_UNVERIFIED = "announce.unverified"
    BOOT_DEADLINE = "boot.deadline"
    BOOT_FALLBACK = "boot.fallback"
    BOOT_LOST = "boot.lost"
    BUS_CERTIFICATE = "bus.certificate"
    BUS_PROTOCOL = "bus.protocol"
    BUS_REFUSED = "bus.refused"
    BUS_UNREACHABLE = "bus.unreachable"
    CONFIG_EXTRA = "config.extra"
    CONFIG_MISSING = "config.missing"
    CONFIG_SYNTAX = "config.syntax"
    CONFIG_UNKNOWN_KEY = "config.unknown-key"
    CONFIG_VALUE = "config.value"
    CONTROL_UNREACHABLE = "control.unreachable"
    DISK_FULL = "disk.full"
    DISK_IO = "disk.io"
    DISK_READ_ONLY = "disk.read-only"
    ENGINE_BUSY = "engine.busy"
    ENGINE_CONFLICT = "engine.conflict"
    ENGINE_MISSING = "engine.missing"
    ENGINE_OUTPUT = "engine.output"
    ENGINE_TIMEOUT = "engine.timeout"
    EVENT_SIGNATURE = "event.signature"
    EVENT_SIGNING = "event.signing"
    HEALTH_FAILED = "health.failed"
    HEALTH_TIMEOUT = "health.timeout"
    HOST_ID = "host.id"
    IDENTITY_UNAVAILABLE = "identity.unavailable"
    IMAGE_DIGEST_MISMATCH = "image.digest-mismatch"
    IMAGE_HOSTILE = "image.hostile"
    IMAGE_MALFORMED = "image.malformed"
    IMAGE_NOT_BOOTABLE = "image.not-bootable"
    IMAGE_NOT_FOUND = "image.not-found"
    IMAGE_PLATFORM = "image.platform"
    IMAGE_QUARANTINED = "image.quarantined"
    IMAGE_SIGNATURE = "image.signature"
    IMAGE_SIGNATURE_FORMAT = "image.signature-format"
    IMAGE_TOO_LARGE = "image.too-large"
    IMAGE_UNAUTHORIZED = "image.unauthorized"
    IMAGE_UNREACHABLE = "image.unreachable"
    IMAGE_UNSIGNED = "image.unsigned"
    IMAGE_UNSUPPORTED = "image.unsupported"
    INTERNAL_ERROR = "internal.error"
    JOURNAL_CORRUPT = "journal.corrupt"
    PAGE_ATTEMPTS = "page.attempts"
    PAGE_BUSY = "page.busy"
    PAGE_LISTEN = "page.listen"
    PAGE_LOGIN = "page.login"
    PAGE_METHOD = "page.method"
    PAGE_MISSING = "page.missing"
    PAGE_NAME = "page.name"
    PAGE_QUERY = "page.query"
    PAGE_UNSAFE = "page.unsafe"
    REFERENCE_INVALID = "reference.invalid"
    REFERENCE_NO_DIGEST = "reference.no-digest"
    RELEASE_INVALID = "release.invalid"
    REPORT_NO_RELEASE = "report.no-release"
    REQUEST_EXPIRED = "request.expired"
    REQUEST_INVALID = "request.invalid"
    REQUEST_OTHER_HOST = "request.other-host"
    REQUEST_OVERTAKEN = "request.overtaken"
    REQUEST_POINTLESS = "request.pointless"
    REQUEST_REPLAYED = "request.replayed"
    REQUEST_TOO_MANY = "request.too-many"
    REQUEST_UNWELCOME = "request.unwelcome"
    REQUIRES_ARCH = "requires.arch"
    REQUIRES_LABELS = "requires.labels"
    REQUIRES_MINIMUM = "requires.minimum"
    ROLLBACK_FAILED = "rollback.failed"
    ROLLBACK_REQUESTED = "rollback.requested"
    ROLLOUT_CLAIMED = "rollout.claimed"
    ROLLOUT_DIFFERS = "rollout.differs"
    ROLLOUT_FAILED = "rollout.failed"
    ROLLOUT_FINAL = "rollout.final"
    ROLLOUT_HELD = "rollout.held"
    ROLLOUT_INTERRUPTED = "rollout.interrupted"
    ROLLOUT_OVERTAKEN = "rollout.overtaken"
    ROLLOUT_REVOKED = "rollout.revoked"
    ROLLOUT_TIMEOUT = "rollout.timeout"
    ROLLOUT_UNASKED = "rollout.unasked"
    ROLLOUT_UNLED = "rollout.unled"
    ROLLOUT_WAVE = "rollout.wave"
    SEQUENCE_LOWER = "sequence.lower"
    SIGN_FAILED = "sign.failed"
    SIGNATURE_IDENTITY = "signature.identity"
    SIGNATURE_INVALID = "signature.invalid"
    SIGNATURE_LOG = "signature.log"
    SIGNATURE_MALFORMED = "signature.malformed"
    SIGNATURE_MISSING = "signature.missing"
    SIGNATURE_ROOT = "signature.root"
    SIGNATURE_THRESHOLD = "signature.threshold"
    SIGNATURE_TIMESTAMP = "signature.timestamp"
    STAGE_FAILED = "stage.failed"
    STATEMENT_CRITICAL = "statement.critical"
    STATEMENT_EQUIVOCATION = "statement.equivocation"
    STATEMENT_EXPIRED = "statement.expired"
    STATEMENT_FAST_FORWARD = "statement.fast-forward"
    STATEMENT_FLOOR = "statement.floor"
    STATEMENT_MALFORMED = "statement.malformed"
    STATEMENT_NOT_YET_VALID = "statement.not-yet-valid"
    STATEMENT_OVERSIZE = "statement.oversize"
    STATEMENT_ROLLBACK = "statement.rollback"
    STATEMENT_SCHEMA = "statement.schema"
    STATEMENT_TARGET = "statement.target"
    STATEMENT_TYPE = "statement.type"
    STATEMENT_VALIDITY = "statement.validity"
    STORE_MISSING = "store.missing"
    STORE_NEWER = "store.newer"
    STORE_REFUSED = "store.refused"
    STORE_UNREACHABLE = "store.unreachable"
    TOPIC_INVALID = "topic.invalid"
    TRUST_EXPIRES = "trust.expires"
    TRUST_KEY_UNUSABLE = "trust.key-unusable"
    TRUST_POLICY_EMPTY = "trust.policy-empty"
    TRUST_REFRESH_FAILED = "trust.refresh-failed"
    TRUST_ROOT_MISSING = "trust.root-missing"
    UPDATE_CANCELLED = "update.cancelled"
    UPDATE_RESET = "update.reset"
    UPDATE_SUPERSEDED = "update.superseded"
    VERIFY_FAILED = "verify.failed"
    WINDOW_NEVER_OPENS = "window.never-opens"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means (`cause`), and what the person who sees it should do (`remedy`)."""

    cause: str
    remedy: str


class TidegateError(Exception):
    """The root of every error that tidegate raises on purpose.

    Attributes:
        code: the registry's name for what happened.
        reason: one sentence for a person: what happened, to what.
    """

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(f"{reason} [{code}]")
        self.code = code
        self.reason = reason

    @property
    def remedy(self) -> str:
        """What to do about it, out of the registry."""
        return REGISTRY[self.code].remedy


REGISTRY: dict[Code, Entry] = {
    Code.ACTIVATE_FAILED: Entry(
        "The engine could not make the staged image the running one.",
        "Read the engine's message in `details`; the old image still runs. The update is tried again by the next statement.",
    ),
    Code.ACTIVATE_REFUSED: Entry(
        "The engine or the host refused to activate: another update is in progress, or the reboot was denied.",
        "See `tidegate-agent status` for who holds the host, then approve or announce again.",
    ),
    Code.AGENT_KILLED: Entry(
        "The agent was killed, or the host lost power or crashed, again and again in the same step of an update.",
        "Look at the journal of the host for what ended it there (out of memory, a hook or health check that stops the agent, a kernel panic); then announce the release again, or a better one.",
    ),
    Code.AGENT_RUNNING: Entry(
        "Another tidegate-agent works with the same state directory.",
        "Ask the running one (tidegate-agent status), or stop it first; a second host on one machine needs a state.directory of its own.",
    ),
    Code.ANNOUNCE_CONFLICT: Entry(
        "Somebody else changed the channel while this command worked, or it does not stand where it was expected.",
        "See what stands there with `tidegate verify --bus PRODUCT/CHANNEL`, then decide again; let release jobs run one at a time.",
    ),
    Code.ANNOUNCE_MISSING: Entry(
        "Nothing is announced on the channel.",
        "Check product, channel, --prefix and --broker; announce a release first with `tidegate announce`.",
    ),
    Code.ANNOUNCE_TIMEOUT: Entry(
        "The broker did not acknowledge the statement in time.",
        "Check the broker's health and its ACL for the channel topic, then announce again: it is safe to repeat.",
    ),
    Code.ANNOUNCE_UNVERIFIED: Entry(
        "The statement was not announced because it does not verify against the given trust root and policy.",
        "Compare the signer printed by `tidegate inspect` with the identity that hosts are told to trust.",
    ),
    Code.BOOT_DEADLINE: Entry(
        "The new image was booted, but its agent did not prove it healthy before the boot guard's deadline.",
        "The digest is quarantined and the previous image is back. Look at `journalctl -b -1` for why tidegate-agent did not come up, and release a fixed image.",
    ),
    Code.BOOT_FALLBACK: Entry(
        "The new image was booted, did not come up, and the boot loader went back to the previous one.",
        "The digest is quarantined. Look at the console or the previous boot's journal, and release a fixed image.",
    ),
    Code.BOOT_LOST: Entry(
        "After the reboot the new image was nowhere: its deployment was never finalized, up to the retry limit.",
        "Check free space on /boot and `journalctl -b -1 -u ostree-finalize-staged`, then announce again.",
    ),
    Code.BUS_CERTIFICATE: Entry(
        "TLS to the broker failed: the broker's certificate or the client's own was not accepted.",
        "Check bus.ca, bus.cert and bus.key (publisher: --broker-ca, --broker-cert, --broker-key), the names in the broker's certificate, and the host's clock.",
    ),
    Code.BUS_PROTOCOL: Entry(
        "The broker speaks none of the protocol versions that the configuration allows.",
        'Set bus.protocol (publisher: --mqtt) to "auto", or to the version that the broker speaks.',
    ),
    Code.BUS_REFUSED: Entry(
        "The broker answered and refused this client: wrong credentials, or not authorised for a topic.",
        "Check user name and password or the client certificate, and the broker's ACL (docs/brokers.md).",
    ),
    Code.BUS_UNREACHABLE: Entry(
        "No broker answers at the configured address.",
        "Check the address (--broker; on a host bus.url), the name's resolution and the firewall. Agents, collectors and runs go on trying by themselves and lose nothing; any other command may be repeated.",
    ),
    Code.CONFIG_EXTRA: Entry(
        "The command needs libraries that are installed on request only.",
        "Install them: pip install 'tidegate[fleet]', or the extra that the message names.",
    ),
    Code.CONFIG_MISSING: Entry(
        "A required setting or file is not there.",
        "Provide the key or file that is named; on a host keys go into /etc/tidegate/agent.toml.d/, and `tidegate-agent check-config` shows what is in force.",
    ),
    Code.CONFIG_SYNTAX: Entry(
        "A configuration file is not valid TOML or YAML.",
        "Correct the line that is named.",
    ),
    Code.CONFIG_UNKNOWN_KEY: Entry(
        "A configuration file holds a key that does not exist.",
        "Correct the spelling; the message names the nearest known key.",
    ),
    Code.CONFIG_VALUE: Entry(
        "A setting has a value of the wrong type or outside its range.",
        "Correct what the message names (an option, a variable, or a key of a file): it says what was expected.",
    ),
    Code.CONTROL_UNREACHABLE: Entry(
        "The running agent could not be reached on its control socket.",
        "Start it (`systemctl start tidegate-agent`), or run the command as a user who may talk to it.",
    ),
    Code.DISK_FULL: Entry(
        "There is not enough free space for the image.",
        "Free the space that is named. What was downloaded for this image has been given back; nothing else changed.",
    ),
    Code.DISK_IO: Entry(
        "Reading or writing the store failed.",
        "Check the file system and its kernel messages; a read-only file system is the usual cause.",
    ),
    Code.DISK_READ_ONLY: Entry(
        "The file system of the agent's state takes no writes. The agent tells the fleet, acts upon nothing, and goes on by itself when it can write.",
        "Look at the kernel's messages: a file system is usually remounted read-only after errors of its disk. Check it, and mount it writable again.",
    ),
    Code.ENGINE_BUSY: Entry(
        "The image engine's store is locked by another program.",
        "The agent tries again. If it lasts, see who works on the host: bootc, rpm-ostree, ostree or podman started by hand or by a timer.",
    ),
    Code.ENGINE_CONFLICT: Entry(
        "Another update agent is active on this host; two masters must not share one.",
        "Stop and mask it: the message names the unit and the command.",
    ),
    Code.ENGINE_MISSING: Entry(
        "The program that the image engine drives is not there or cannot be run.",
        "Install it, or choose another follow.engine for this host.",
    ),
    Code.ENGINE_OUTPUT: Entry(
        "The program that the image engine drives answered something that cannot be understood.",
        "Run the command that the message names by hand; its version may be too old, or its output damaged by a full disk.",
    ),
    Code.ENGINE_TIMEOUT: Entry(
        "The program that the image engine drives did not come to an end, or made no progress, in its time.",
        "The agent tries again. Look for a stalled network or registry, or a lock that is held; raise the engine's timeout on slow hosts.",
    ),
    Code.EVENT_SIGNATURE: Entry(
        "An event is unsigned, or its signature is not by the device key known for its host.",
        "Find out who writes to the host's topics; if the host has a new device key, put its public half where --device-keys looks.",
    ),
    Code.EVENT_SIGNING: Entry(
        "The host cannot sign its events: the device key cannot be read or used.",
        "Check events.device_key and the agent's right to it; events are kept and go out, signed, once it works.",
    ),
    Code.HEALTH_FAILED: Entry(
        "A required health check of the new image failed in every attempt.",
        "The host went back and quarantined the digest. The check's output is in `details`; release a fixed image.",
    ),
    Code.HEALTH_TIMEOUT: Entry(
        "The new image did not become healthy in time.",
        "As for health.failed; raise health.timeout if the system is only slow to start.",
    ),
    Code.HOST_ID: Entry(
        "A host id is not usable as one level of an MQTT topic.",
        "Use 1 to 64 of: letters, digits, dot, dash, underscore; beginning with a letter or digit.",
    ),
    Code.IDENTITY_UNAVAILABLE: Entry(
        "No identity to sign with: there is no CI identity, no token, and no way to ask a person.",
        "In CI grant an id token (GitHub: `permissions: id-token: write`; GitLab: `id_tokens` with audience sigstore), or pass --identity-token.",
    ),
    Code.IMAGE_DIGEST_MISMATCH: Entry(
        "Content does not have the digest or size that was signed for it.",
        "Treat the registry or mirror as broken or hostile and push the image again. If it is about staged files, an application altered its image: give the image's files to root, and announce it again.",
    ),
    Code.IMAGE_HOSTILE: Entry(
        "A layer tries to write outside the image's root, or is built to exhaust the host.",
        "Do not release this image; find out who built the layer that is named.",
    ),
    Code.IMAGE_MALFORMED: Entry(
        "A manifest, config or layer is not what the OCI image specification says.",
        "Rebuild and push the image with a current tool.",
    ),
    Code.IMAGE_NOT_BOOTABLE: Entry(
        "The image cannot be booted: it lacks a kernel or initramfs in /usr/lib/modules, or an operating system's root.",
        "Build it from a bootable base; the message says what is missing. Application images need the embedded or podman engine.",
    ),
    Code.IMAGE_NOT_FOUND: Entry(
        "The registry has no such repository, manifest or blob.",
        "Push the image before announcing it, and check the repository names in the release.",
    ),
    Code.IMAGE_PLATFORM: Entry(
        "The index has no image for this host's architecture.",
        "Build for that architecture, or keep such hosts off the channel with `requires`.",
    ),
    Code.IMAGE_QUARANTINED: Entry(
        "This digest failed on this host before and is not tried again.",
        "Release a fixed image; to lift the quarantine on one host use `tidegate-agent approve --quarantined`.",
    ),
    Code.IMAGE_SIGNATURE: Entry(
        "The image is signed, but by nobody whom the host's policy trusts, or the signature is about something else.",
        "The message says what was found. Sign the image's digest as the follow's image_signers ask for, or correct them.",
    ),
    Code.IMAGE_SIGNATURE_FORMAT: Entry(
        "The image carries only signatures in a form that cannot be verified safely, such as cosign 2's without inclusion proof.",
        "Sign it with cosign 3, whose bundles are found as referrers of the image.",
    ),
    Code.IMAGE_TOO_LARGE: Entry(
        "The image exceeds the host's limit on size or number of files.",
        "Make the image smaller or raise the limits in the host's configuration.",
    ),
    Code.IMAGE_UNAUTHORIZED: Entry(
        "The registry does not let this host pull.",
        "Check the credentials in auth.json for that registry and repository.",
    ),
    Code.IMAGE_UNREACHABLE: Entry(
        "No registry or mirror answered, or each broke off, in all attempts.",
        "Check network, proxy and registries.conf; staging is tried again with growing pauses, and goes on where it stopped (also after six hours in one go).",
    ),
    Code.IMAGE_UNSIGNED: Entry(
        "The host requires a signature of the image itself, and the registry holds none for its digest.",
        "Sign the announced digest (`cosign sign REPOSITORY@DIGEST`, or an attestation pushed to the registry): a host looks again, `[stage] attempts` times in all. When it has given up, announce again.",
    ),
    Code.IMAGE_UNSUPPORTED: Entry(
        "The image uses a media type or feature that this engine does not have.",
        "Build it with gzip or zstd layers in OCI or Docker v2 schema 2 format.",
    ),
    Code.INTERNAL_ERROR: Entry(
        "tidegate hit a fault of its own.",
        "Please report it with the journal's lines around the event; the agent goes on running.",
    ),
    Code.JOURNAL_CORRUPT: Entry(
        "The state database was damaged; it was set aside and a new one begun.",
        "Check the disk. The damaged file lies beside the new one for inspection. What is kept apart comes back: each channel's sequence, quarantined images, holds; what is lost: events that were not sent, approvals, snoozes, requests that were not decided.",
    ),
    Code.PAGE_ATTEMPTS: Entry(
        "A wrong token was given to the page too often from this address.",
        "Wait as long as the Retry-After header says, then give the right one; sessions that have begun are not affected.",
    ),
    Code.PAGE_BUSY: Entry(
        "The page has as many readers of one kind as it serves at once.",
        "Try again after the seconds that the Retry-After header says; close live views that nobody looks at.",
    ),
    Code.PAGE_LISTEN: Entry(
        "The page cannot listen on the address that it was given.",
        "Take another port or address with --listen, or end the program that has it; ports below 1024 need the right to them.",
    ),
    Code.PAGE_LOGIN: Entry(
        "Whoever asked has not shown that they may read.",
        "Log in at /login, give the token as `Authorization: Bearer …`, or come through the proxy that logs in (docs/page.md).",
    ),
    Code.PAGE_METHOD: Entry(
        "The page only tells; it knows no request that could change anything.",
        "Use GET or HEAD. To steer a release use `tidegate hold`, `resume`, `promote` or `revoke`, which sign what they do.",
    ),
    Code.PAGE_MISSING: Entry(
        "There is nothing at this address, or nothing of it was collected, or it is no longer kept.",
        "Check the name; /api/v1/openapi.json lists the addresses.",
    ),
    Code.PAGE_NAME: Entry(
        "The request is for a name that is not this page's.",
        "Start it with --public-name for each name that people or a proxy reach it by; addresses and localhost need none.",
    ),
    Code.PAGE_QUERY: Entry(
        "A parameter of the request is unknown or has a value that it cannot have.",
        "Correct what the message names; /api/v1/openapi.json describes every parameter.",
    ),
    Code.PAGE_UNSAFE: Entry(
        "With these settings the page would let anybody in, so it was not started.",
        "Listen on this machine alone, or log in with --login-header and --trusted-proxy or with --token-file (docs/page.md).",
    ),
    Code.REFERENCE_INVALID: Entry(
        "An image reference cannot be understood.",
        "Write it as registry/repository@sha256:…, or oci:/path@sha256:… for a local layout.",
    ),
    Code.REFERENCE_NO_DIGEST: Entry(
        "An image is named by tag, and the tag could not be resolved to a digest.",
        "Name the image as registry/repository@sha256:…: a tag can be moved after it was signed.",
    ),
    Code.RELEASE_INVALID: Entry(
        "The release file lacks something or holds something unknown.",
        "The message names the key and what was expected; `tidegate schema release` prints the whole form.",
    ),
    Code.REPORT_NO_RELEASE: Entry(
        "Nothing was collected about such a release.",
        "Choose one of those that are named, or check product, channel and --store. Releases from before the collector ran are not known.",
    ),
    Code.REQUEST_EXPIRED: Entry(
        "A signed request came after its end, from the future, or is valid for longer than the host allows.",
        "Send it again; check the clocks of host and operator.",
    ),
    Code.REQUEST_INVALID: Entry(
        "A request to this host is malformed or not meant for it.",
        "Compare it with `tidegate schema request`.",
    ),
    Code.REQUEST_OTHER_HOST: Entry(
        "A signed request names another host than the one it was sent to.",
        "Find out who copied it; send a request of its own to each host.",
    ),
    Code.REQUEST_OVERTAKEN: Entry(
        "Something that was signed later has been accepted before this hold, resume or reset came; the later word counts.",
        "Nothing, if it was delivered late; if it is meant still, sign a new one.",
    ),
    Code.REQUEST_POINTLESS: Entry(
        "There is nothing that this command could act upon now.",
        "See `tidegate-agent status` for what is the case, and `tidegate-agent history` for how it came to it.",
    ),
    Code.REQUEST_REPLAYED: Entry(
        "A signed request was acted upon before; each counts once.",
        "Nothing, if it was delivered twice; to ask again, sign a new one.",
    ),
    Code.REQUEST_TOO_MANY: Entry(
        "So many signed requests are still valid that the host cannot remember one more, and it forgets none.",
        "Wait until older ones have expired, and sign requests for a shorter time. Find out who sent so many.",
    ),
    Code.REQUEST_UNWELCOME: Entry(
        "This host takes no requests over the broker: nobody is named who may send them.",
        "Add [[requests.signers]] to the host's configuration if it should.",
    ),
    Code.REQUIRES_ARCH: Entry(
        "The release is for other architectures than this host's.",
        "Nothing to do, unless the release should have been built for it.",
    ),
    Code.REQUIRES_LABELS: Entry(
        "The release is for hosts with other labels.",
        "Nothing to do, unless host.labels are wrong.",
    ),
    Code.REQUIRES_MINIMUM: Entry(
        "The release needs a newer predecessor than what this host runs.",
        "Announce the stepping-stone release first.",
    ),
    Code.ROLLBACK_FAILED: Entry(
        "The host could not return to the previous image.",
        "The host needs hands: see `tidegate-agent status` and the engine's own status.",
    ),
    Code.ROLLBACK_REQUESTED: Entry(
        "A person asked this host to return to its previous image.",
        "Nothing to do; the digest left is not taken up again until it is announced anew.",
    ),
    Code.ROLLOUT_CLAIMED: Entry(
        "Another run of `tidegate rollout run` leads the release on this channel.",
        "Let it finish. If it is dead, continue as the same run with --run-id, wait until its claim ends, or give --take-over.",
    ),
    Code.ROLLOUT_DIFFERS: Entry(
        "The channel holds this image with other waves, another version, or for other hosts than the release file has.",
        "Bring the release file back to what is announced, or announce the release anew with `tidegate announce`.",
    ),
    Code.ROLLOUT_FAILED: Entry(
        "A wave passed a threshold of its gate: too many hosts failed, fell silent or dropped out.",
        "The release is held or revoked. Look at the failures that are listed; then announce a better one, or resume and run again.",
    ),
    Code.ROLLOUT_FINAL: Entry(
        "The release was revoked, and a revocation is final: hosts have discarded what they staged.",
        "Announce a release, the same image too if it turned out to be good: it gets a sequence of its own.",
    ),
    Code.ROLLOUT_HELD: Entry(
        "The release is held, so that opening a wave would let no host start.",
        "Let it go on with `tidegate resume PRODUCT/CHANNEL --expect-sequence N`. Where a run leads it, start the same run again with --run-id; do not promote past its gates.",
    ),
    Code.ROLLOUT_INTERRUPTED: Entry(
        "A run was told to end before its end, by Ctrl-C or SIGTERM.",
        "What is open stays open, and no more is opened: repeat the command with --run-id to go on, or stop the release with `tidegate hold PRODUCT/CHANNEL`.",
    ),
    Code.ROLLOUT_OVERTAKEN: Entry(
        "Another statement took the place of the one that this run led: another release, another run, or none.",
        "Look at what the channel holds with `tidegate rollout status`; this run has changed nothing since.",
    ),
    Code.ROLLOUT_REVOKED: Entry(
        "The publisher withdrew this release.",
        "Nothing to do; what was staged is discarded. The next release goes out as usual.",
    ),
    Code.ROLLOUT_TIMEOUT: Entry(
        "A wave, or all of them together, took longer than the release's gate allows.",
        "See what hosts wait for with `tidegate fleet`. Where the release is held now, `tidegate resume` it first; then run again, with a longer timeout or a lower threshold.",
    ),
    Code.ROLLOUT_UNASKED: Entry(
        "No approval of this wave is asked for: it is open, it needs none, or it is not its turn yet.",
        "Approve the wave that the message names; `tidegate rollout status PRODUCT/CHANNEL` shows what is asked for.",
    ),
    Code.ROLLOUT_UNLED: Entry(
        "No run of `tidegate rollout run` leads the release, so there is nothing to approve.",
        "Begin one with `tidegate rollout run`, or open the wave yourself with `tidegate promote`.",
    ),
    Code.ROLLOUT_WAVE: Entry(
        "The announced release has no wave of that name.",
        "Name one that the message lists; `tidegate verify --bus PRODUCT/CHANNEL` shows which are open.",
    ),
    Code.SEQUENCE_LOWER: Entry(
        "The channel already stands at this sequence or a higher one.",
        "Let tidegate choose the sequence, or give a higher one than is announced.",
    ),
    Code.SIGN_FAILED: Entry(
        "Signing failed: Fulcio, Rekor or the timestamp authority did not do its part.",
        "Read the reason; a Sigstore outage passes, a wrong token audience does not. Nothing was announced.",
    ),
    Code.SIGNATURE_IDENTITY: Entry(
        "The signature is genuine, but not by a signer who is trusted for this channel.",
        "If the signer is right, name it: on the host among the follow's signers, for `tidegate` with --signers, --key, or --identity and --issuer. If not, find out who signed and announced it.",
    ),
    Code.SIGNATURE_INVALID: Entry(
        "The signature does not fit the payload.",
        "It was altered or damaged after signing. A file: take it anew from who signed it, or sign again. From the broker: announce again, and look at its ACL.",
    ),
    Code.SIGNATURE_LOG: Entry(
        "The transparency log's proof is missing or does not fit.",
        "Sign again; if it persists, the trusted root lacks the log's current key.",
    ),
    Code.SIGNATURE_MALFORMED: Entry(
        "The message or file is not a Sigstore bundle v0.3 with one DSSE signature.",
        "Make the bundle with `tidegate sign` or `tidegate announce`, or with a tool that writes v0.3.",
    ),
    Code.SIGNATURE_MISSING: Entry(
        "The message or file carries no signature.",
        "A file: name the bundle that `tidegate sign` wrote, not the statement alone. From the broker: announce with `tidegate announce`, and find out who wrote to the channel's topic without signing.",
    ),
    Code.SIGNATURE_ROOT: Entry(
        "The signer's certificate does not lead to the trusted root.",
        "It was signed with another Sigstore instance, or the trusted root is out of date: on the host correct trust.root, for `tidegate` give --trust-config or --trusted-root.",
    ),
    Code.SIGNATURE_THRESHOLD: Entry(
        "Fewer of the trusted signers stand behind the statement than the host asks for.",
        "Have the missing signers look at it and add theirs with `tidegate countersign`; if one signer alone stopped the release, announce it anew from its release file.",
    ),
    Code.SIGNATURE_TIMESTAMP: Entry(
        "No trusted time proves that the certificate was valid when it signed.",
        "Sign again; check that the trusted root names the timestamp authority and log in use.",
    ),
    Code.STAGE_FAILED: Entry(
        "The engine could not stage the image, for a reason without a code of its own.",
        "Read `details`; staging is tried again with growing pauses.",
    ),
    Code.STATEMENT_CRITICAL: Entry(
        "The statement says that a field is critical which this agent does not know.",
        "Update tidegate-agent on this host first.",
    ),
    Code.STATEMENT_EQUIVOCATION: Entry(
        "Two different statements with one sequence were signed for this channel.",
        "Two release jobs ran at once, or a signer is compromised: find out which, then announce with a higher sequence.",
    ),
    Code.STATEMENT_EXPIRED: Entry(
        "The statement's validity has passed.",
        "Announce again, and let CI run `tidegate heartbeat` on a schedule. If it was renewed, somebody withholds the new one.",
    ),
    Code.STATEMENT_FAST_FORWARD: Entry(
        "The sequence jumps further than the host's policy allows.",
        "Use a lower sequence; a jump of this size is how a stolen identity locks a fleet out.",
    ),
    Code.STATEMENT_FLOOR: Entry(
        "The statement asks to go below the floor that an earlier one set.",
        "Nothing to do on the host; the publisher has to announce a release above the floor.",
    ),
    Code.STATEMENT_MALFORMED: Entry(
        "The message or file is not UTF-8 JSON within the limits on depth, or repeats a key.",
        "tidegate never produces this. A file: name the bundle that `tidegate sign` wrote, whole and unedited. From the broker: find out who writes to the channel's topic.",
    ),
    Code.STATEMENT_NOT_YET_VALID: Entry(
        "The statement was issued in the future of the clock that it was checked by.",
        "Check the clock here and that of the signing machine.",
    ),
    Code.STATEMENT_OVERSIZE: Entry(
        "The message or file is larger than 64 KiB and was not read.",
        "If it is your release, shorten `notes` and `mirrors`; a file: check that it is a bundle at all. From the broker: find out who writes to the channel's topic.",
    ),
    Code.STATEMENT_ROLLBACK: Entry(
        "The statement is older than one this host has already accepted: a replay.",
        "If you meant to go back to an older image, announce it anew: a rollback is a new statement with a higher sequence. "
        "If a stolen signer has driven the sequence up, see `tidegate request reset`.",
    ),
    Code.STATEMENT_SCHEMA: Entry(
        "The signed content is not a channel statement: a field is missing, unknown or of the wrong type.",
        "The message names the field; compare with `tidegate schema statement`.",
    ),
    Code.STATEMENT_TARGET: Entry(
        "The statement speaks for another product or channel than the one it was found on.",
        "Find out who copied a statement between channels.",
    ),
    Code.STATEMENT_TYPE: Entry(
        "The signed content is of another type than an in-toto channel statement.",
        "Something else signed by the same identity was sent here; announce with tidegate.",
    ),
    Code.STATEMENT_VALIDITY: Entry(
        "The statement is valid for longer than the host's policy allows.",
        "Sign with a shorter --expires-in, and let a heartbeat renew it.",
    ),
    Code.STORE_MISSING: Entry(
        "The database is there and holds nothing of tidegate's, or it is not there at all.",
        "Check --store; `tidegate collect --store …` makes what is needed and fills it.",
    ),
    Code.STORE_NEWER: Entry(
        "The database was written by a newer tidegate, which keeps things that this one does not know.",
        "Bring this tidegate up to date, too: newer ones read what older ones wrote, never the other way round (docs/collector.md).",
    ),
    Code.STORE_REFUSED: Entry(
        "The database does not let this user in, or not do what is needed there.",
        "Check the user's rights and how it proves who it is: a password belongs into ~/.pgpass or PGPASSFILE, never into the URL (docs/collector.md).",
    ),
    Code.STORE_UNREACHABLE: Entry(
        "The database does not answer, is locked by others for long, or has no space left.",
        "Look at the database and its disk. A collector goes on trying and acknowledges nothing meanwhile: the broker keeps what comes.",
    ),
    Code.TOPIC_INVALID: Entry(
        "A topic, prefix, product or channel name breaks the topic grammar.",
        "Use lower-case letters, digits, dot, dash and underscore, and no more than seven slashes in all.",
    ),
    Code.TRUST_EXPIRES: Entry(
        "The trusted root's metadata, or a key in it, ends soon or has ended.",
        "Publish fresh metadata in the TUF repository, or install a newer trusted_root.json, before that day.",
    ),
    Code.TRUST_KEY_UNUSABLE: Entry(
        "A public or private key cannot be read, or is of another kind than EC P-256.",
        "Give a PEM file with an EC P-256 key; `tidegate keygen` makes a pair.",
    ),
    Code.TRUST_POLICY_EMPTY: Entry(
        "No signer is named, or none that could be trusted; an empty policy trusts nobody.",
        "Name at least one signer, with identity and issuer or with a key: on the host in the follow, for `tidegate` with --signers.",
    ),
    Code.TRUST_REFRESH_FAILED: Entry(
        "The trusted root could not be refreshed; the one before stays in force.",
        "Check that the TUF repository can be reached and that its metadata has not expired.",
    ),
    Code.TRUST_ROOT_MISSING: Entry(
        "The trusted root cannot be read.",
        "Install the trusted_root.json that trust.root names; `tidegate trust` can print the one in use.",
    ),
    Code.UPDATE_CANCELLED: Entry(
        "A person or the publisher cancelled the update before activation.",
        "Nothing to do.",
    ),
    Code.UPDATE_RESET: Entry(
        "An operator took this channel of the host back below the sequence that brought the update.",
        "Nothing to do if a signer was stolen; if not, announce the image again, above the sequence of the reset.",
    ),
    Code.UPDATE_SUPERSEDED: Entry(
        "A newer statement took this update's place before it was activated.",
        "Nothing to do.",
    ),
    Code.VERIFY_FAILED: Entry(
        "The verifying process ended without a verdict: it ran out of time or memory, or broke.",
        "The message was refused; an image is tried again, `[stage] attempts` times in all. Check the host's free memory; report it if it repeats with what is genuine.",
    ),
    Code.WINDOW_NEVER_OPENS: Entry(
        "No maintenance window opens within the next year.",
        "Correct [[window]] and [[blackout]]; `tidegate-agent windows --next 5` shows the result.",
    ),
}

"""The composition root: the only maker of adapters. From settings to a running agent."""

from __future__ import annotations

import hashlib
import os
import platform
import random
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.control_unix import ControlServer
from tidegate_agent.adapters.health import CommandAndHttpHealth
from tidegate_agent.adapters.host_linux import LinuxHost
from tidegate_agent.adapters.image_signatures import AnnouncementIsEnough, RegistryImageSignatures
from tidegate_agent.adapters.journal_sqlite import SqliteJournal
from tidegate_agent.adapters.timer_apscheduler import ApschedulerTimer
from tidegate_agent.adapters.verifier_child import ChildVerifier, VerifyingChild
from tidegate_agent.admission import HostFacts, Policy, admit
from tidegate_agent.config import Settings, derived_host_id, host_zone
from tidegate_agent.control import Control
from tidegate_agent.device_key import signer_of
from tidegate_agent.engine import Engine, Mainloop
from tidegate_agent.engines.embedded.engine import EmbeddedEngine
from tidegate_agent.engines.embedded.limits import Limits
from tidegate_agent.errors import ConfigError
from tidegate_agent.machine.rules import Rules
from tidegate_agent.manners import Manners
from tidegate_agent.operations import Operations
from tidegate_agent.reporting import Birth, FollowView, Profile, follow_status, host_status
from tidegate_agent.sealing import Sealing
from tidegate_agent.surroundings import Followed, Surroundings
from tidegate_agent.wiring_roots import keeper_of, rooted, trust_at_rest, upkeep_of
from tidegate_schemas import __version__
from tidegate_schemas.codes import Code
from tidegate_schemas.rollout import Urgency
from tidegate_schemas.statement import parse_statement
from tidegate_schemas.status import HostStatus, Inventory, Presence
from tidegate_wire.mqtt.backoff import Backoff
from tidegate_wire.registry.opening import open_source
from tidegate_wire.registry.platform import own_architecture
from tidegate_wire.registry.reference import parse_reference
from tidegate_wire.registry.settings import RegistrySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tidegate_agent.config.follows import EmbeddedSettings, FollowSettings
    from tidegate_agent.ports import ImageEngine, ImageSignatures
    from tidegate_wire.registry.source import ImageSource

JOURNAL_NAME: Final = "journal.db"

ANSWER_WITHIN_S: Final = 8.0
"""How long a local command waits for the engine's thread, in seconds."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A wired agent. `run` blocks until `stop`, which is safe in a signal handler."""

    engine: Engine
    loop: Mainloop
    control: ControlServer
    journal: SqliteJournal
    workers: tuple[ThreadPoolExecutor, ...]

    def run(self, ready: Callable[[], None]) -> None:
        """Start everything, say so, and work until stopped."""
        try:
            self.engine.start()
            self.control.start()
            ready()
            self.loop.run(self.engine)
        finally:
            self.control.stop()
            self.engine.stop()
            for worker in self.workers:
                # What is running is left to end with the process; the journal knows how to go on.
                worker.shutdown(wait=False, cancel_futures=True)
            self.journal.close()

    def stop(self) -> None:
        """Ask `run` to end."""
        self.loop.stop()


def build(settings: Settings) -> Agent:
    """Make every adapter and put the agent together.

    Raises:
        TidegateError: a setting that only shows its fault here (the host's id, a window that never opens).
    """
    signer = signer_of(settings)
    journal = open_journal(settings)
    loop = Mainloop()
    verifying, operating, signing = _worker("verify"), _worker("operate"), _worker("sign")
    keeper = keeper_of(settings)
    profile = profile_of(settings)
    bus = PahoBus(
        settings.bus,
        client_id=profile.facts.host,
        topics=_topics(settings, profile.facts.host),
        backoff=Backoff(random.random),
    )
    around = Surroundings(
        clock=SystemClock(),
        journal=journal,
        verifier=rooted(verifier_of(settings), keeper),
        timer=ApschedulerTimer(),
        host=_host(settings),
        profile=profile,
        policy=policy_of(settings),
        manners=manners_of(settings),
        rules=_rules(settings),
        post=loop.post,
        verifying=verifying.submit,
        operating=operating.submit,
        splay=lambda: random.random() * settings.activate.splay,  # noqa: S311 - spreads load, guards nothing
        requests=None if settings.requests is None else settings.requests.bounds(),
    )
    follows = [_followed(settings, follow, around) for follow in settings.follow]
    sealing = (
        None if signer is None else Sealing(signer, around.clock, around.timer, loop.post, signing.submit)
    )
    upkeep = upkeep_of(settings, keeper, around)
    engine = Engine(follows, around, bus, settings.bus.topics, sealing, upkeep)
    control = ControlServer(settings.state.runtime_directory, _on_engine_thread(loop, Control(engine)))
    return Agent(engine, loop, control, journal, (verifying, operating, signing))


def open_journal(settings: Settings) -> SqliteJournal:
    """The journal in its place on disk."""
    return SqliteJournal(settings.state.directory / JOURNAL_NAME)


def verifier_of(settings: Settings) -> ChildVerifier:
    """The verifier for all follows.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    signers = {entry.follow.key: entry.policy() for entry in settings.follow}
    operators = None if settings.requests is None else settings.requests.policy()
    host = settings.host.id or derived_host_id()
    return ChildVerifier(_verifying_child(settings), signers, host, operators)


def _topics(settings: Settings, host: str) -> list[str]:
    topics = settings.bus.topics
    channels = [topics.channel(each.product, each.channel) for each in settings.follow]
    return channels if settings.requests is None else [*channels, topics.requests(host)]


def _verifying_child(settings: Settings) -> VerifyingChild:
    limits = settings.verify
    root = settings.trust.root_in(settings.state.directory)
    return VerifyingChild(root, limits.timeout_s, limits.memory_mib)


def policy_of(settings: Settings) -> Policy:
    """Bounds on what is accepted."""
    trust = settings.trust
    return Policy(timedelta(days=trust.max_validity_days), trust.max_jump, trust.clock_floor)


def manners_of(settings: Settings) -> Manners:
    """How this host wants to be treated."""
    activate = settings.activate
    return Manners(
        schedule=settings.schedule(host_zone()),
        expected_duration=activate.expected_duration,
        approval_required=activate.approval == "required",
        stage_in_window=settings.stage.when == "window",
        window_override=frozenset(Urgency(each) for each in activate.window_override),
    )


def profile_of(settings: Settings) -> Profile:
    """Who this host is."""
    arch = own_architecture(platform.machine())
    facts = HostFacts(settings.host.id or derived_host_id(), arch, dict(settings.host.labels))
    inventory = Inventory(arch=arch, kernel=platform.release(), os=_os_name(), agent=__version__)
    return Profile(facts, inventory, _host(settings).boot_id())


def image_engine(follow: FollowSettings, settings: Settings) -> ImageEngine:
    """The image engine that a follow asks for."""
    embedded = _embedded(follow)
    stage = settings.stage
    limits = Limits(entries=stage.max_image_entries, unpacked_bytes=stage.max_image_bytes)
    return EmbeddedEngine(embedded.directory, _source(embedded), embedded.on_switch, limits)


def image_signatures(follow: FollowSettings, settings: Settings) -> ImageSignatures:
    """What a follow asks of its images' own signatures.

    Raises:
        TidegateError: TRUST_KEY_UNUSABLE, a signer's key cannot be read.
    """
    policy = follow.image_policy()
    if policy is None:
        return AnnouncementIsEnough()
    return RegistryImageSignatures(_verifying_child(settings), policy, _source(_embedded(follow)))


def _embedded(follow: FollowSettings) -> EmbeddedSettings:
    if follow.embedded is None:
        message = "checked when the configuration was read"
        raise AssertionError(message)
    return follow.embedded


def _source(embedded: EmbeddedSettings) -> Callable[[str], ImageSource]:
    registry = RegistrySettings.from_environment(os.environ, os.getuid(), embedded.auth_file)
    if embedded.registries_conf is not None:
        registry = replace(registry, registries_conf=embedded.registries_conf, registries_conf_folders=())
    return lambda reference: open_source(parse_reference(reference), registry)


def _followed(settings: Settings, follow: FollowSettings, around: Surroundings) -> Followed:
    health = CommandAndHttpHealth(settings.health.check)
    engine = image_engine(follow, settings)
    signatures = image_signatures(follow, settings)
    operations = Operations(engine, signatures, health, around.host, around.profile.facts.arch)
    return Followed(follow.follow, follow.engine, operations)


def _host(settings: Settings) -> LinuxHost:
    activate = settings.activate
    commands = {
        "auto": activate.reboot_command,
        "soft": activate.soft_reboot_command,
        # A person reboots; the update waits, and goes on when the agent starts again.
        "never": ("true",),
    }
    return LinuxHost(activate.hold_file, commands[activate.reboot])


def _rules(settings: Settings) -> Rules:
    stage, health = settings.stage, settings.health
    return Rules(
        stage_attempts=stage.attempts,
        health_rounds=health.attempts,
        health_interval=health.interval,
        health_timeout=health.timeout,
        retry_after=stage.retry_initial,
        retry_cap=stage.retry_maximum,
    )


def _worker(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)


def _on_engine_thread(loop: Mainloop, control: Control) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        answered: Future[Mapping[str, Any]] = Future()
        loop.post(lambda: answered.set_result(control.answer(request)))
        return answered.result(ANSWER_WITHIN_S)

    return answer


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")[:256]
    except OSError:
        return "Linux"


def status_at_rest(settings: Settings, presence: Presence) -> HostStatus:
    """The host's status as journal and engines tell it while no agent runs."""
    journal = open_journal(settings)
    try:
        views = [_view_at_rest(settings, entry, journal) for entry in settings.follow]
    finally:
        journal.close()
    follows = tuple(follow_status(view) for view in views)
    status = host_status(profile_of(settings), Birth(0, 0), presence, SystemClock().now(), follows)
    return status.model_copy(update={"trust": trust_at_rest(settings, latest_known(settings))})


def latest_known(settings: Settings) -> datetime:
    """The later of the system's clock and the clock floors, while no agent runs."""
    journal = open_journal(settings)
    try:
        floors = journal.clock_floor(), settings.trust.clock_floor
    finally:
        journal.close()
    return max([SystemClock().now(), *(floor for floor in floors if floor is not None)])


def _view_at_rest(settings: Settings, entry: FollowSettings, journal: SqliteJournal) -> FollowView:
    recollection = journal.recall(entry.follow)
    expires = recollection.memory.expires
    image = image_engine(entry, settings).status()
    running = None if image.current is None else journal.target(entry.follow, image.current)
    return FollowView(
        follow=entry.follow,
        engine=entry.engine,
        state=recollection.state,
        memory=recollection.memory,
        image=image,
        version=None if running is None else running.version,
        quarantined=journal.quarantined(entry.follow),
        refused=0,
        stale=expires is not None and expires <= SystemClock().now(),
        hold=journal.hold(entry.follow),
    )


def judge(settings: Settings, key: str | None, raw: bytes) -> list[str]:
    """Verify and admit a statement as this host would now, without remembering it; lines for a person.

    Raises:
        TidegateError: with the code with which the host would refuse it.
    """
    entry = next((each for each in settings.follow if key in (None, each.follow.key)), None)
    if entry is None:
        raise ConfigError(Code.CONFIG_VALUE, f"this host does not follow {key}")
    verdict = verifier_of(settings).verify(entry.follow, raw)
    statement = parse_statement(verdict.payload)
    journal = open_journal(settings)
    try:
        memory = journal.recall(entry.follow).memory
        floors = journal.clock_floor(), settings.trust.clock_floor, verdict.signed_at_least
    finally:
        journal.close()
    now = max([SystemClock().now(), *(floor for floor in floors if floor is not None)])
    fingerprint = hashlib.sha256(verdict.payload).hexdigest()
    admit(statement, fingerprint, memory, policy_of(settings), now, enough=verdict.enough)
    return [
        f"genuine: signed by {verdict.identity} ({verdict.issuer})",
        f"fresh: sequence {statement.predicate.sequence}, expires {statement.predicate.expires}",
        f"image: {statement.digest}, version {statement.predicate.version}",
    ]

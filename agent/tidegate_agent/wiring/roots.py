"""The composition root's part that is about the trusted root: from settings to its keeper and upkeep."""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidegate_agent import root_watch
from tidegate_agent.adapters.root_pinned import PinnedRoot
from tidegate_agent.adapters.root_tuf import Repository, TufRoot
from tidegate_agent.adapters.verifier_rooted import RootedVerifier
from tidegate_agent.config.trust import ROOT_FOLDER
from tidegate_agent.model import Failure
from tidegate_agent.reporting import trust_status
from tidegate_agent.trust_upkeep import Plan, TrustUpkeep
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import TidegateError
from tidegate_wire.registry.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tidegate_agent.config import Settings
    from tidegate_agent.config.trust import TufSettings
    from tidegate_agent.ports import Verifier
    from tidegate_agent.surroundings import Surroundings
    from tidegate_schemas.status import TrustStatus


def keeper_of(settings: Settings) -> PinnedRoot | TufRoot | None:
    """The keeper of this host's trusted root; None where only key pairs are trusted."""
    trust, state = settings.trust, settings.state.directory
    if trust.tuf is None:
        root = trust.root_in(state)
        return None if root is None else PinnedRoot(root)
    return TufRoot(state / ROOT_FOLDER, _repository(trust.tuf), settings.verify.memory_mib)


def rooted(verifier: Verifier, keeper: PinnedRoot | TufRoot | None) -> Verifier:
    """A verifier that says why there is no root yet, where one has to be fetched first."""
    return RootedVerifier(verifier, keeper.why_missing) if isinstance(keeper, TufRoot) else verifier


def upkeep_of(
    settings: Settings, keeper: PinnedRoot | TufRoot | None, around: Surroundings
) -> TrustUpkeep | None:
    """The upkeep of this host's trusted root, where it has one."""
    if keeper is None:
        return None
    tuf = settings.trust.tuf
    every = None if tuf is None else tuf.refresh
    plan = Plan(every, settings.trust.warn_before, random.random, _in_background)
    return TrustUpkeep(keeper, around, plan)


def trust_at_rest(settings: Settings, now: datetime) -> TrustStatus | None:
    """What there is to say of the trusted root while no agent runs; None where there is none."""
    keeper = keeper_of(settings)
    if keeper is None:
        return None
    try:
        root = keeper.look(now)
    except TidegateError as error:
        return trust_status(None, Failure(error.code, error.reason), ())
    every = None if settings.trust.tuf is None else settings.trust.tuf.refresh
    return trust_status(root, None, root_watch.warnings(root, now, settings.trust.warn_before, every))


def root_lines(settings: Settings, now: datetime) -> Iterator[str]:
    """Which root is in force and until when, for a person."""
    keeper = keeper_of(settings)
    if keeper is None:
        yield "trusted root: none; only key pairs are trusted"
        return
    try:
        root = keeper.look(now)
    except TidegateError as error:
        yield f"trusted root: none; {error.reason}"
        return
    until = "with no end in sight" if root.expires is None else f"good until {rfc3339(root.expires)}"
    yield f"trusted root: {root.origin} {root.digest}, {until}"
    if root.refreshed_at is not None:
        yield f"trusted root: refreshed at {rfc3339(root.refreshed_at)}"


def refresh_now(settings: Settings, now: datetime) -> None:
    """Bring the root up to date. Raises TidegateError(TRUST_REFRESH_FAILED or TRUST_ROOT_MISSING)."""
    keeper = keeper_of(settings)
    if keeper is not None:
        keeper.refresh(now)


def _in_background(call: Callable[[], None]) -> None:
    # A daemon thread, and none of an executor's, which would hold up the end of the process until a
    # repository that hangs is given up. The child ends by itself.
    threading.Thread(target=call, name="refresh", daemon=True).start()


def _repository(tuf: TufSettings) -> Repository:
    parts = urlsplit(tuf.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Repository(
        url=tuf.url,
        first_root=tuf.root,
        target=tuf.target,
        timeout_s=tuf.timeout.total_seconds(),
        proxy=Proxies.from_environment(os.environ).proxy_for(parts.scheme, parts.hostname or "", port),
        ca_file=os.environ.get("SSL_CERT_FILE") or None,
    )

"""What can be told while no agent runs: its status, and how it would judge a statement."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from loguru import logger

from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.admission import admit
from tidegate_agent.errors import ConfigError
from tidegate_agent.model import ImageStatus
from tidegate_agent.recalling import Standing, view_of
from tidegate_agent.reporting import Birth, FollowView, follow_status, host_status
from tidegate_agent.wiring.engines import image_engine
from tidegate_agent.wiring.roots import trust_at_rest
from tidegate_agent.wiring.trust import verifier_of
from tidegate_agent.wiring.values import host_of, open_journal, policy_of, profile_of
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.statement import parse_statement

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.adapters.journal_sqlite import SqliteJournal
    from tidegate_agent.config import Settings
    from tidegate_agent.config.follows import FollowSettings
    from tidegate_schemas.status import HostStatus, Presence


def status_at_rest(settings: Settings, presence: Presence) -> HostStatus:
    """The host's status as journal and engines tell it while no agent runs."""
    journal = open_journal(settings)
    try:
        views = [_view_at_rest(settings, entry, journal) for entry in settings.follow]
    finally:
        journal.close()
    follows = tuple(follow_status(view) for view in views)
    status = host_status(
        profile_of(settings, host_of(settings)), Birth(0, 0), presence, SystemClock().now(), follows
    )
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
    try:
        image = image_engine(entry, settings).status()
    except TidegateError as error:
        logger.warning("[{}] {}: the image engine: {}", error.code, entry.follow.key, error.reason)
        image = ImageStatus(None, None, None)
    standing = Standing(recollection.state, recollection.memory, image)
    return view_of(entry.follow, entry.engine, standing, journal, SystemClock().now())


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

"""What the fleet is told: events and status, made from the machine's reports. PURE.

An event's id is `host/product/channel/sequence/attempt/step`, with a suffix where a step can come more than
once in an attempt; after a reset of the channel `~` and the number of resets follow the sequence. It is
journalled before it is sent, so a redelivery has the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from tidegate_agent.admission import HostFacts, Memory
from tidegate_agent.machine import update_of
from tidegate_agent.model import Failure, Follow, ImageStatus
from tidegate_agent.plaintext import harmless
from tidegate_agent.records import Damage, Hold
from tidegate_agent.update.commands import Quarantine, Report, ReportRefusal
from tidegate_agent.update.states import Settled, Staged, State, Update, Verifying, Waiting
from tidegate_schemas import limits
from tidegate_schemas.base import rfc3339
from tidegate_schemas.codes import Code
from tidegate_schemas.events import Step, UpdateData, UpdateEvent
from tidegate_schemas.status import Fault, FollowStatus, HostStatus, Inventory, Presence, TrustStatus

if TYPE_CHECKING:
    from datetime import datetime

    from tidegate_agent.root_watch import RootInForce


@dataclass(frozen=True, slots=True)
class Profile:
    """Who this host is in its reports."""

    facts: HostFacts
    inventory: Inventory
    boot_id: str


@dataclass(frozen=True, slots=True)
class Birth:
    """Which connection of which start speaks; see `HostStatus`."""

    start: int
    connection: int


def report_event(
    report: Report, follow: Follow, profile: Profile, now: datetime, resets: int = 0
) -> UpdateEvent:
    """The event for one step of an update. `resets` says how often the channel was reset before."""
    update, wait, failure = report.update, report.wait, report.failure
    suffix = ""
    if wait is not None:
        suffix = f"-{wait.reason}-{int(now.timestamp())}"
    elif report.percent is not None:
        suffix = f"-{report.percent}"
    data = UpdateData(
        product=follow.product,
        channel=follow.channel,
        step=report.step,
        sequence=update.target.sequence,
        digest=update.target.digest,
        version=update.target.version,
        attempt=update.attempt,
        percent=report.percent,
        waiting_for=None if wait is None else wait.reason.value,
        until=None if wait is None else wait.until,
        code=None if failure is None else failure.code,
        reason=_reason(report),
        details={} if failure is None else capped(failure.details),
        previous_digest=update.previous,
        boot_id=profile.boot_id,
        durations=durations(update, now),
        bytes_fetched=update.bytes_fetched,
    )
    number = _number(update.target.sequence, resets)
    place = f"{follow.key}/{number}/{update.attempt}/{report.step}{suffix}"
    return UpdateEvent.told(profile.facts.host, place, data, now)


def _number(sequence: int, resets: int) -> str:
    # After a reset sequences come a second time; an event whose id was there before would never be sent.
    return f"{sequence}~{resets}" if resets else str(sequence)


def refusal_event(report: ReportRefusal, follow: Follow, profile: Profile, now: datetime) -> UpdateEvent:
    """The event for a message that was refused: one for each distinct message and code."""
    failure = report.failure
    data = UpdateData(
        product=follow.product,
        channel=follow.channel,
        step=Step.REJECTED,
        code=failure.code,
        reason=failure.reason[: limits.TEXT],
        details=capped({**failure.details, "message": f"sha256:{report.announcement}"}),
        boot_id=profile.boot_id,
    )
    return UpdateEvent.told(
        profile.facts.host, f"{follow.key}/refused/{report.announcement[:16]}/{failure.code}", data, now
    )


def stale_event(memory: Memory, follow: Follow, profile: Profile, now: datetime) -> UpdateEvent:
    """The event for a channel whose newest statement has expired: somebody withholds, or nobody renews."""
    reason = f"the newest statement expired{_when(memory.expires)} and no newer one came"
    if not memory.accepted:
        reason = f"the channel was reset to sequence {memory.sequence}, and no newer statement has come yet"
    data = UpdateData(
        product=follow.product,
        channel=follow.channel,
        step=Step.STALE,
        sequence=memory.sequence or None,
        reason=reason,
        boot_id=profile.boot_id,
    )
    return UpdateEvent.told(
        profile.facts.host, f"{follow.key}/{_number(memory.sequence, memory.resets)}/stale", data, now
    )


def damage_event(damage: Damage, profile: Profile, now: datetime) -> UpdateEvent:
    """The event for a journal that was damaged: what was known is forgotten, but for what is kept apart."""
    kept = "" if damage.aside is None else f"; it is kept as {damage.aside}"
    data = UpdateData(
        step=Step.DAMAGED,
        code=Code.JOURNAL_CORRUPT,
        reason=harmless(f"the host's journal was damaged: {damage.reason}{kept}")[: limits.TEXT],
        boot_id=profile.boot_id,
    )
    return UpdateEvent.told(profile.facts.host, f"journal/damaged-{int(now.timestamp())}", data, now)


def _when(moment: datetime | None) -> str:
    return "" if moment is None else f" at {rfc3339(moment)}"


def _reason(report: Report) -> str:
    if report.wait is not None:
        return report.wait.text[: limits.TEXT]
    text = report.note or "" if report.failure is None else report.failure.reason
    return text[: limits.TEXT]


def capped(details: Mapping[str, str]) -> dict[str, str]:
    """Details within the contract's limits."""
    items = list(details.items())[: limits.ITEMS]
    return {key[:256]: value[: limits.TEXT] for key, value in items}


def durations(update: Update, now: datetime) -> dict[str, float]:
    """Seconds spent in each step so far, and in all. A step that came twice is summed up."""
    spent: dict[str, float] = {}
    for index, (step, began) in enumerate(update.marks):
        ended = update.marks[index + 1][1] if index + 1 < len(update.marks) else now
        if not step.final:
            spent[step.value] = round(spent.get(step.value, 0) + (ended - began).total_seconds(), 3)
    if update.marks:
        spent["total"] = round((now - update.marks[0][1]).total_seconds(), 3)
    return spent


@dataclass(frozen=True, slots=True)
class FollowView:
    """All that is known of one follow at a moment. `version` is that of the running image, if known."""

    follow: Follow
    engine: str
    state: State
    memory: Memory
    image: ImageStatus
    version: str | None
    quarantined: Mapping[str, Failure]
    refused: int
    stale: bool
    hold: Hold | None = None


def follow_status(view: FollowView) -> FollowStatus:
    """Where the host stands in one channel."""
    resting = view.state.before if isinstance(view.state, Verifying) else view.state
    update = update_of(resting)
    wait = resting.wait if isinstance(resting, Waiting | Staged) else None
    failure = resting.failure if isinstance(resting, Settled) else None
    return FollowStatus(
        product=view.follow.product,
        channel=view.follow.channel,
        engine=view.engine,
        state=resting.outcome.value if isinstance(resting, Settled) else resting.kind,
        sequence=view.memory.sequence or None,
        current=view.image.current,
        version=view.version,
        staged=view.image.staged,
        previous=view.image.previous,
        target=None if update is None else update.target.digest,
        target_version=None if update is None else update.target.version,
        waiting_for=None if wait is None else wait.reason.value,
        until=None if wait is None else wait.until,
        code=None if failure is None else failure.code,
        reason=(wait.text if wait else failure.reason if failure else "")[: limits.TEXT],
        stale_since=view.memory.expires if view.stale else None,
        hold=view.hold.text[: limits.TEXT] if view.hold is not None and view.hold.held else None,
        quarantined=tuple(view.quarantined)[: limits.ITEMS],
        refused=view.refused,
    )


def host_status(
    profile: Profile,
    birth: Birth,
    presence: Presence,
    now: datetime,
    follows: tuple[FollowStatus, ...] = (),
    device_key: str | None = None,
) -> HostStatus:
    """The retained status. A farewell describes the host, too: whoever comes later finds nothing else."""
    return HostStatus(
        host=profile.facts.host,
        presence=presence,
        start=birth.start,
        connection=birth.connection,
        at=now,
        boot_id=profile.boot_id,
        labels=profile.facts.labels,
        inventory=profile.inventory,
        device_key=device_key,
        follows=follows,
    )


def last_will(profile: Profile, birth: Birth, now: datetime) -> HostStatus:
    """What the broker says when the connection breaks: it is made before anything is told over it."""
    return HostStatus(
        host=profile.facts.host,
        presence=Presence.OFFLINE,
        start=birth.start,
        connection=birth.connection,
        at=now,
        boot_id=profile.boot_id,
    )


def fault_of(failure: Failure | None) -> Fault | None:
    """What the status says of a disk that does not take what has to be remembered."""
    return None if failure is None else Fault(code=failure.code, reason=failure.reason[: limits.TEXT])


def trust_status(root: RootInForce | None, failure: Failure | None, told: tuple[str, ...]) -> TrustStatus:
    """What is said of the trusted root: the one in force, why the last refresh failed, what ends."""
    return TrustStatus(
        root_digest=None if root is None else root.digest,
        refreshed_at=None if root is None else root.refreshed_at,
        code=None if failure is None else failure.code,
        reason="" if failure is None else failure.reason[: limits.TEXT],
        expires=None if root is None else root.expires,
        warnings=tuple(each[: limits.TEXT] for each in told[: limits.ITEMS]),
    )


def log_line(command: Report | ReportRefusal | Quarantine, key: str) -> tuple[str, str]:
    """What the log says of a report: level and text. `key` names the follow."""
    match command:
        case Report(step, update, failure, wait, percent):
            what = f"{step} {percent} %" if percent is not None else step.value
            why = wait.text if wait else f"[{failure.code}] {failure.reason}" if failure else ""
            return "INFO", f"{key} {update.target.version} {update.target.digest[:19]}: {what} {why}".rstrip()
        case ReportRefusal(failure=failure):
            return "WARNING", f"{key}: a message was refused: [{failure.code}] {failure.reason}"
        case Quarantine(digest, failure):
            return "WARNING", f"{key}: {digest} is quarantined: [{failure.code}] {failure.reason}"
        case _:
            assert_never(command)

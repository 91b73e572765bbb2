"""All that reaches out of the agent's process: one adapter for each port, out of the settings."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate_agent.adapters.bus_paho import PahoBus
from tidegate_agent.adapters.clock_system import SystemClock
from tidegate_agent.adapters.root_pinned import PinnedRoot
from tidegate_agent.adapters.root_tuf import TufRoot
from tidegate_agent.adapters.timer_apscheduler import ApschedulerTimer
from tidegate_agent.device_key import signer_of
from tidegate_agent.ports import (
    Board,
    Bus,
    Clock,
    EventSigner,
    Host,
    Journal,
    Network,
    RebootLock,
    Timer,
    Verifier,
)
from tidegate_agent.wiring.downloads import Transfers, network_of, transfers_of
from tidegate_agent.wiring.images import ImagePorts, image_ports
from tidegate_agent.wiring.roots import keeper_of, rooted
from tidegate_agent.wiring.trust import screening_verifier_of, verifier_of
from tidegate_agent.wiring.values import board_of, host_id, host_of, lock_of, open_journal
from tidegate_wire.mqtt.backoff import Backoff

if TYPE_CHECKING:
    from tidegate_agent.config import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The adapters of one agent. Whoever puts an agent together may replace any of them.

    `images` has one entry for each follow, in the settings' order, which share `transfers`. `verifier` judges
    what comes over the broker, `reverifier` the statement behind an image that is about to be activated.
    """

    signer: EventSigner | None
    journal: Journal
    keeper: PinnedRoot | TufRoot | None
    bus: Bus
    clock: Clock
    verifier: Verifier
    reverifier: Verifier
    timer: Timer
    host: Host
    lock: RebootLock | None
    board: Board | None
    network: Network | None
    transfers: Transfers
    images: tuple[ImagePorts, ...]


def outside_of(settings: Settings, journal: Journal | None = None) -> Outside:
    """Make every adapter, but for a journal that is given.

    Raises:
        TidegateError: a setting that only shows its fault here, or a journal that cannot be opened.
    """
    signer = signer_of(settings)
    journal = journal or open_journal(settings, mends=True)
    keeper = keeper_of(settings)
    transfers = transfers_of(settings)
    return Outside(
        signer=signer,
        journal=journal,
        keeper=keeper,
        bus=bus_of(settings),
        clock=SystemClock(),
        verifier=rooted(screening_verifier_of(settings), keeper),
        reverifier=rooted(verifier_of(settings), keeper),
        timer=ApschedulerTimer(),
        host=host_of(settings),
        lock=lock_of(settings),
        board=board_of(settings),
        network=network_of(settings),
        transfers=transfers,
        images=tuple(image_ports(settings, follow, transfers.pacing) for follow in settings.follow),
    )


def bus_of(settings: Settings) -> PahoBus:
    """The way to the broker."""
    return PahoBus(
        settings.bus,
        client_id=host_id(settings),
        topics=_topics(settings),
        backoff=Backoff(random.random, settings.bus.reconnect_first_s, settings.bus.reconnect_most_s),
    )


def _topics(settings: Settings) -> list[str]:
    topics = settings.bus.topics
    channels = [topics.channel(each.product, each.channel) for each in settings.follow]
    return channels if settings.requests is None else [*channels, topics.requests(host_id(settings))]

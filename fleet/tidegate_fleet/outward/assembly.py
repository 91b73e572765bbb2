"""From what an operator sets to numbers that are told and couriers that run."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector

from tidegate_fleet.outward.courier import Courier, Order
from tidegate_fleet.outward.cursor import Cursor
from tidegate_fleet.outward.fleet import FleetMetrics
from tidegate_fleet.outward.metrics import CollectorMetrics, DeliveryMetrics
from tidegate_fleet.outward.posting import Address, Poster, read_headers, require_url
from tidegate_fleet.outward.signatures import read_secrets
from tidegate_fleet.outward.webhook import Mode, Webhook
from tidegate_schemas.codes import Code, TidegateError
from tidegate_schemas.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tidegate_fleet.history import History
    from tidegate_fleet.outward.courier import Ledger
    from tidegate_fleet.outward.targets import Target
    from tidegate_schemas.events import UpdateEvent


class Wanted(StrEnum):
    """Which events are brought: how updates ended, only how they went wrong, or every step."""

    RESULTS = "results"
    FAILURES = "failures"
    ALL = "all"

    def takes(self, event: UpdateEvent) -> bool:
        """Whether an event is one of these."""
        return _TAKES[self](event)


@dataclass(frozen=True, slots=True)
class Place:
    """One target.

    Attributes:
        url: its address.
        wanted: what is brought there.
        ca: PEM of the authorities to believe; None: the system's.
        headers: a file with more headers; None: no more.
    """

    url: str
    wanted: Wanted = Wanted.RESULTS
    ca: Path | None = None
    headers: Path | None = None

    def address(self, path: str = "") -> Address:
        """Where requests go, with more of a path. Raises TidegateError(CONFIG_VALUE)."""
        require_url(self.url)
        more = None if self.headers is None else read_headers(self.headers)
        return Address(self.url.rstrip("/") + path if path else self.url, self.ca, more)


@dataclass(frozen=True, slots=True)
class OutwardSettings:
    """Where results go.

    Attributes:
        webhook: where to; None: nowhere.
        mode: how events are put into its requests.
        secrets: a file with the secrets that sign them; None leaves them unsigned.
        otlp: the base address of a receiver of OTLP/HTTP; None: nowhere.
        traces: whether it gets traces, too.
        folder: where the cursors are; needed where anything goes anywhere.
    """

    webhook: Place | None = None
    mode: Mode = Mode.STRUCTURED
    secrets: Path | None = None
    otlp: Place | None = None
    traces: bool = True
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What goes out of a collector.

    Attributes:
        metrics: the collector's numbers: a tap and a meter.
        couriers: taps that bring events elsewhere.
        registry: holds all numbers, the fleet's and the process's among them.
    """

    metrics: CollectorMetrics
    couriers: tuple[Courier, ...]
    registry: CollectorRegistry

    @property
    def taps(self) -> tuple[CollectorMetrics | Courier, ...]:
        """Who is to be told of what is in the store."""
        return (self.metrics, *self.couriers)


@contextlib.contextmanager
def outgoing(settings: OutwardSettings | None, history: History) -> Iterator[Outgoing]:
    """What goes out of a collector, for the length of a block. Raises as `couriers`."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(FleetMetrics(history))
    metrics = CollectorMetrics(registry)
    with couriers(settings or OutwardSettings(), history, DeliveryMetrics(registry)) as made:
        yield Outgoing(metrics, made, registry)


@contextlib.contextmanager
def couriers(
    settings: OutwardSettings, history: History, ledger: Ledger | None = None
) -> Iterator[tuple[Courier, ...]]:
    """Couriers that run for the length of a block; each is a tap for the collector.

    Args:
        settings: where to.
        history: where from.
        ledger: told how it goes.

    Raises:
        TidegateError: CONFIG_VALUE, something of the settings cannot be used; CONFIG_EXTRA, a library is
            missing; STORE_*, the store does not answer.
    """
    with contextlib.ExitStack() as stack:
        made: list[Courier] = []
        for target, wanted in _targets(settings, history, stack):
            cursor = Cursor(_folder(settings) / f"{target.name}.cursor")
            courier = Courier(target, history, cursor, Order(wanted.takes), ledger)
            courier.prepare()
            made.append(courier)
        for courier in made:
            stack.callback(courier.stop)
            courier.start()
        yield tuple(made)


def _targets(
    settings: OutwardSettings, history: History, stack: contextlib.ExitStack
) -> Iterator[tuple[Target, Wanted]]:
    def poster(address: Address) -> Poster:
        made = Poster(address)
        stack.callback(made.close)
        return made

    if (place := settings.webhook) is not None:
        secrets = None if settings.secrets is None else read_secrets(settings.secrets)
        yield Webhook(poster(place.address()), settings.mode, secrets), place.wanted
    if (place := settings.otlp) is not None:
        from tidegate_fleet.outward.otlp import Otlp  # noqa: PLC0415 - needs an extra that others can do without

        logs = poster(place.address("/v1/logs"))
        traces = poster(place.address("/v1/traces")) if settings.traces else None
        yield Otlp(logs, traces, history), place.wanted


def _folder(settings: OutwardSettings) -> Path:
    folder = settings.folder
    if folder is None or not folder.is_dir():
        reason = f"expected a folder that says what was delivered (--outward-state); found {folder or 'none'}"
        raise TidegateError(Code.CONFIG_VALUE, reason)
    return folder


_TAKES: dict[Wanted, Callable[[UpdateEvent], bool]] = {
    Wanted.RESULTS: lambda event: event.data.step.final,
    Wanted.FAILURES: lambda event: event.data.step in {Step.FAILED, Step.REJECTED, Step.ROLLED_BACK},
    Wanted.ALL: lambda _: True,
}

"""Numbers for Prometheus: who looks on, and who is told. Nothing of it is loaded unless it is asked for."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from tidegate_agent.adapters.observed import (
    ObservedBus,
    ObservedEngine,
    ObservedVerifier,
    observed_journal,
)
from tidegate_agent.census import Census, take_census
from tidegate_agent.engine import Mainloop
from tidegate_agent.errors import ConfigError
from tidegate_agent.operations import failure_of
from tidegate_schemas import __version__
from tidegate_schemas.codes import Code

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from tidegate_agent.adapters.observed import Observer
    from tidegate_agent.config import Settings
    from tidegate_agent.engine import Engine
    from tidegate_agent.wiring.outside import Outside

ANSWER_WITHIN_S: Final = 5.0
"""How long somebody who asks waits for the engine's thread, in seconds; Prometheus gives up after ten."""

HISTORY: Final = 256
"""The newest events that are looked through at the start, for when an update last succeeded."""


class Teller(Protocol):
    """Tells the numbers to somebody, on a thread of its own."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """End; idempotent."""
        ...


class Metrics:
    """The numbers of one agent.

    Args:
        settings: say who is told.
        outside: the agent's adapters, whose journal tells when an update last succeeded.

    Attributes:
        registry: holds them.
    """

    def __init__(self, settings: Settings, outside: Outside) -> None:
        # The library takes a thirtieth of a second and two megabytes: those pay who want it.
        from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

        from tidegate_agent.adapters.metrics.counting import Counts  # noqa: PLC0415 - for the same reason

        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        follows = [entry.follow for entry in settings.follow]
        self._settings = settings
        self._observer: Observer = Counts(self.registry, follows, outside.journal.history(HISTORY))
        self._tellers: tuple[Teller, ...] = ()

    def watching(self, outside: Outside) -> Outside:
        """The same adapters, looked on."""
        observer = self._observer
        return replace(
            outside,
            bus=ObservedBus(outside.bus, observer),
            journal=observed_journal(outside.journal, observer),
            verifier=ObservedVerifier(outside.verifier, observer),
            reverifier=ObservedVerifier(outside.reverifier, observer, "warrant"),
            images=tuple(
                replace(ports, engine=ObservedEngine(ports.engine, entry.follow, observer))
                for ports, entry in zip(outside.images, self._settings.follow, strict=True)
            ),
        )

    def begin(self, engine: Engine, loop: Mainloop, outside: Outside) -> None:
        """Tell from now on; the engine is asked on its own thread."""
        from tidegate_agent.adapters.metrics.gauges import AgentGauges  # noqa: PLC0415 - as above

        census = _Asked(loop, lambda: take_census(engine, outside.journal, outside.clock))
        self.registry.register(AgentGauges(census, __version__))
        self._tellers = tellers_of(self._settings, self.registry)
        for teller in self._tellers:
            teller.start()

    def end(self) -> None:
        """Tell no more."""
        for teller in self._tellers:
            teller.stop()


def metrics_of(settings: Settings, outside: Outside) -> Metrics | None:
    """The numbers of an agent with these adapters; None where nobody asked for any.

    Raises:
        ConfigError: CONFIG_MISSING: the library that makes them is not installed.
    """
    if not settings.metrics.wanted:
        return None
    require_library()
    return Metrics(settings, outside)


def tellers_while_waiting(settings: Settings, take: Callable[[], Census]) -> tuple[Teller, ...]:
    """Who is told while the agent cannot begin: nobody where nobody asked. Raises as `metrics_of`."""
    if not settings.metrics.wanted:
        return ()
    require_library()
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415 - as above

    from tidegate_agent.adapters.metrics.gauges import AgentGauges  # noqa: PLC0415 - as above

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(AgentGauges(take, __version__))
    return tellers_of(settings, registry)


def require_library() -> None:
    """See that there is what makes the numbers. Raises ConfigError(CONFIG_MISSING)."""
    if importlib.util.find_spec("prometheus_client") is None:
        reason = "[metrics] needs a library that is not installed: pip install 'tidegate[metrics]'"
        raise ConfigError(Code.CONFIG_MISSING, reason)


def tellers_of(settings: Settings, registry: CollectorRegistry) -> tuple[Teller, ...]:
    """Who is told, as the settings say."""
    from prometheus_client import generate_latest  # noqa: PLC0415 - as above

    from tidegate_agent.adapters.metrics.endpoint import Endpoint  # noqa: PLC0415 - as above
    from tidegate_agent.adapters.metrics.textfile import TextFile  # noqa: PLC0415 - as above

    def render() -> bytes:
        return generate_latest(registry)

    wanted, tellers = settings.metrics, list[Teller]()
    if wanted.textfile is not None:
        tellers.append(TextFile(wanted.textfile, wanted.every, render))
    if wanted.listen is not None:
        tellers.append(Endpoint(wanted.listen, render))
    return tuple(tellers)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The agent in numbers, out of the mouth of the engine's thread. None when it is busy or gone."""

    loop: Mainloop
    take: Callable[[], Census]

    def __call__(self) -> Census | None:
        answered: Future[Census | None] = Future()
        self.loop.post(lambda: self._answer(answered))
        try:
            return answered.result(ANSWER_WITHIN_S)
        except (TimeoutError, CancelledError):
            # Nobody waits for it any more: the engine need not take the trouble.
            answered.cancel()
            return None

    def _answer(self, answered: Future[Census | None]) -> None:
        if not answered.set_running_or_notify_cancel():
            return
        try:
            answered.set_result(self.take())
        except Exception as error:  # noqa: BLE001 - whoever asks is told that there is no answer
            failure_of(error, Code.INTERNAL_ERROR)
            answered.set_result(None)
